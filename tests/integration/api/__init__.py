"""Tests of the JSON API through its own interface."""
