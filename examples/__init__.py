"""What an integrator copies from, and the demo that plays it all through."""
