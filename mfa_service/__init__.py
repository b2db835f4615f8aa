"""Step-up authentication: challenges, authenticators, and the assurance that they yield."""

__version__ = "0.1.0"
