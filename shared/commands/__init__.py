"""The owner's commands, which the function `operate` runs where the shared state is."""
