"""Our own driver, a process of its own: what the peer's cannot do, and all of it where none is.

It understands the words of the peer's and prints the same figures, so that either can be run.
"""
