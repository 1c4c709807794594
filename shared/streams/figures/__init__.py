"""Figures that all replicas add to, and that fade. Nothing here knows what they count.

What keeps a record of venues comes in, and what tells how much is going on: heartbeats, and the
gateways that read them.
"""
