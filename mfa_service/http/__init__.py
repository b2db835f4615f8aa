"""The JSON API: views parse, call one use case, and serialise."""
