"""Shared state: the store's contract, and the stores that keep it."""
