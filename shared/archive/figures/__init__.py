"""Figures out of the archive: orders that need somebody, and how well swaps were done.

Only shared/archive/archive.py comes in. Each is one bounded read along an index.
"""
