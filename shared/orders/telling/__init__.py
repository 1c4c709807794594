"""An order told to people: what became of it, why, what comes next, and what may be done.

Pure functions of its history, and only the view of an order comes in. Amounts are exact; a rate in
bps (0.01 %) is rounded to two decimals, half to even.
"""
