"""Running instances of a function: the processes, their environment, and how many there are.

`instance.py` says what a kind of instance fulfils; `built_in.py` is that of
the Python runtimes, `custom/` that of the custom ones.
"""
