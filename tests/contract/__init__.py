"""Suites over a registry: every factor, every operation of the API."""
