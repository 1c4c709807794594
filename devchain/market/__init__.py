"""A market that moves: a maker who swaps against the pools, so that prices follow a scenario.

The chain asks the maker once a block; nobody else comes in. All is pure: accounts are handed in,
and the maker's transactions handed out. Prices are fractions and amounts atoms, never floats.
"""
