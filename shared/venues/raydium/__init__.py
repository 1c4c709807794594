"""Raydium's constant-product pools (CPMM): their accounts, their exact maths, their instruction.

The chain's opening comes in. All amounts are atoms; nothing but `venue` does I/O.
"""
