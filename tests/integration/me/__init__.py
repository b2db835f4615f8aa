"""Tests of `/v1/me`: people who act for themselves with a token of the login issuer."""
