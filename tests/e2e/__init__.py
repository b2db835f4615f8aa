"""The installed programs over real HTTP: several workers, the phone's command line."""
