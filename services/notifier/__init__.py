"""Notifier: tells whoever follows an order. Consumes every event, emits nothing.

What it publishes may be lost on the way; a follower that misses a version reads the history.
"""
