"""Projector: archives every event in PostgreSQL, folds the orders there, and trims the log.

Consumes every event, appends none.
"""
