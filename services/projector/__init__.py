"""Keeps every event in Postgres, folds the orders there, and trims the log behind itself.

Consumes every event. Appends none.
"""
