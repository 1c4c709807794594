"""A service as a process: settings read, signals heard, metrics served, consumers run.

Only the `__main__` of a service comes in here; what it runs knows nothing of processes.
"""
