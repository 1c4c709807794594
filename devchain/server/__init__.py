"""HTTP and WebSocket on loopback, with bounds on all that a client may take.

Only `devchain.__main__` comes in, by `running`.
"""
