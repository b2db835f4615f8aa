"""The command line; each module is loaded only when its command is called."""
