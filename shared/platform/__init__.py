"""Talking to Alibaba Cloud: signed calls, what their answers mean, and what the platform shows."""
