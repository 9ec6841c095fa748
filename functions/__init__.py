"""The deployed functions."""
