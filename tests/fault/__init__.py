"""What survives a kill, a stop, and a store that does not answer."""
