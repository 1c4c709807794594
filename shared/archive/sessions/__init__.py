"""Sessions of PostgreSQL: connected, pinned to what results depend on, lent to a call at a time.

Every other room of the archive may come in; it knows none of their tables.
"""
