"""Tests of the examples against a double of the service, and attacks on them."""
