"""The phone: a reader of the wire contract that shares no code with the service."""
