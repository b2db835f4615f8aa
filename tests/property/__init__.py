"""Properties that hold for every input, not only for the ones we thought of."""
