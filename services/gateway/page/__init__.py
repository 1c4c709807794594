"""The page at `/`: static files, and what serves them.

Nothing here knows an order or a key: the page asks the public API as every client does. Only the
application comes in here.
"""
