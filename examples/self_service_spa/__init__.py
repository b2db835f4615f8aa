"""A login application without a server of its own: people manage their sign-in from a browser."""
