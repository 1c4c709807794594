"""Notifier: tells the followers of an order. Consumes every event, appends none.

An update may be lost on the way; a follower that misses a version reads the history.
"""
