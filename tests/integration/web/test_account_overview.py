"""What self-service shows: each authenticator in plain words, warnings, and nothing too large."""

MOST_BYTES = 60_000
