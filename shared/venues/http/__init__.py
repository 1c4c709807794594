"""Venues behind HTTP: how one is asked, how often, and what its bad news means to the engine.

Each such venue comes in, and the opening of a chain. Nothing here knows what is asked for.
"""
