"""Verification codes: created, sent and checked."""
