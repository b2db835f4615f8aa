"""Tests of the shape of the code: size, direction, and what only one place may do."""
