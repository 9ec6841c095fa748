"""The deployed functions: one thin handler a file. What they share is in the package shared."""
