"""Tables, short transactions, and every exactly-once statement."""
