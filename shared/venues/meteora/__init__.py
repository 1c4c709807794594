"""Meteora's pools of bins (DLMM): their accounts, their exact maths, their instruction.

The chain's opening comes in. All amounts are atoms; nothing but `source` does I/O.
"""
