"""Faults on demand: what can happen to a request, to which ones, and acceptances that come late."""
