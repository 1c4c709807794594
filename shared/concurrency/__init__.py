"""Tools for tasks of one event loop: batches, timers, pauses and cancellation.

They know nothing of orders, Redis or PostgreSQL, and every other room may use them.
"""
