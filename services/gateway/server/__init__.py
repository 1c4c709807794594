"""The HTTP server: uvicorn with ways for what comes most often, and for a slow start.

Only __main__.py comes in here.
"""
