"""The service on two hosts, each thing in a network of its own, and what happens when one is lost."""
