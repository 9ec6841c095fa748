"""Instances of custom runtimes: a program that answers HTTP.

`instance.py` is the kind of instance; it starts a `program.py` on one of the `ports.py`, asks it by
the `client.py`, and makes what it asks in `requests.py`.
"""
