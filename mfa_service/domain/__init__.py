"""Rules of the service. Imports the standard library only."""
