"""The send protocol: one intent, at most one SMS."""
