"""Figures that all replicas add to and that fade with time. Nothing here knows what they count.

What keeps a record of venues comes in.
"""
