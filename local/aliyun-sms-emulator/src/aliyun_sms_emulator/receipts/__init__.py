"""Receipts and replies on their way to the address they are pushed to."""
