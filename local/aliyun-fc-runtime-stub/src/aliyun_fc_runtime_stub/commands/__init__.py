"""The commands of `fc-stub`, and what they write."""
