"""An API without a line of authorization code, protected by nginx and the gateway: played once."""
