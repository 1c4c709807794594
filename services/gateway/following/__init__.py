"""Clients that follow orders over a WebSocket or a stream of server-sent events.

The addresses and the server come in here; orders are taken and read by the room below.
"""
