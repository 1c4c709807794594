"""The programs that devchain runs, each a folder: its C source and the binary made of it.

Beside them lie the linker and the check that a committed binary is its source's. The chain reads
the binaries; nobody else comes in.
"""
