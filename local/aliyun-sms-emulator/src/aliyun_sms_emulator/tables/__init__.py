"""What the emulator remembers: one SQLite database, one file for each table or two."""
