"""What s.yaml says: its text, its variables, its properties, the functions they make.

A property of fc3 is one row in `properties.py`, a kind of trigger one in `triggers.py`.
"""
