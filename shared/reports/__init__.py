"""What the owner reads each morning."""
