"""Lists of orders: which ones are meant, the statement that reads a page of them, and its rows.

Only `shared/archive/archive.py` runs them; filters and rows are for everybody who comes in there.
"""
