"""Serving one emulator on a port: the server, the guard against web pages, and all routes."""
