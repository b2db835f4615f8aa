"""Use cases; they own the transactions. No HTTP here."""
