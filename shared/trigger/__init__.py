"""How a function is called and how it answers."""
