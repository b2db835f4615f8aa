"""The service on two hosts, each thing in a network of its own, and the loss of one of them."""
