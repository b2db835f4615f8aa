"""Clients in an LDAP directory: a real server, what it says, and what we make of it."""
