"""Delivery receipts (SmsReport) and replies (SmsUp): stored, pushed over HTTP, queued."""
