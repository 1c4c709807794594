"""Jupiter's routes over HTTP (swap/v2): its answers, its instruction, and the venue that asks.

The registry comes in. All amounts are atoms; nothing but `venue` does I/O.
"""
