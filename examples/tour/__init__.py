"""The page from which everything that `make run` serves can be tried by hand."""
