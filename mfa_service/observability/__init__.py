"""Logs, metrics and the trace that ties them to a request."""
