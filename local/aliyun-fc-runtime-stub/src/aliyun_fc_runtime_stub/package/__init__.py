"""The code of a function: what of a folder is uploaded, and whether it has changed."""
