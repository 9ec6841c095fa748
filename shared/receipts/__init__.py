"""What became of messages: receipts, replies and delivery status."""
