"""Tests of the pages: what a browser gets, and what an attacker's gets not."""
