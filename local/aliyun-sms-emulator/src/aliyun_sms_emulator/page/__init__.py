"""The inbox page: one page for people over the JSON API, at `/inbox`."""
