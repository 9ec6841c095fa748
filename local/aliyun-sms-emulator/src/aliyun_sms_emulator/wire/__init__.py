"""What stands on the wire: requests, both signatures, the forms of answers and of receipts."""
