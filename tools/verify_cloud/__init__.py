"""Measure what cannot be known of the platform from outside; docs/verify-cloud.md says how."""
