"""Raydium's trade API: its quotes over HTTP, and its transactions taken apart and built anew.

The registry comes in. All amounts are atoms; nothing but `venue` does I/O.
"""
