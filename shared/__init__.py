"""What the deployed functions share."""
