"""``make benchmark``: fc-sms against the official SDK, side by side in one run."""
