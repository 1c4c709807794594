"""Meteora DLMM pools seen from outside: where they lie, their bytes, what a swap asks and pays.

Genesis makes pools with it, the market moves them, and the tests hold it against the C program. All
is pure, in whole numbers of atoms; the chain does not come in. Limit orders are none of its
business, for nothing on a development chain places any.
"""
