"""Callers of the gateway: who they are, what they may do and how often.

Addresses, sockets and the server ask it; it knows only the http room below.
"""
