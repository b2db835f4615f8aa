"""Races with real threads: what must happen once happens once, on each database."""
