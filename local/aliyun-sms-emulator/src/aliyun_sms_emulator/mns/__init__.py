"""The HTTP API of the message queue (MNS) from which receipts and replies can be received."""
