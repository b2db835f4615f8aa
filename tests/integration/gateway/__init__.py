"""The gateway: what it asks of a token, whom it believes, and what it never believes."""
