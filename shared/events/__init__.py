"""Sends that events and files of recipients ask for."""
