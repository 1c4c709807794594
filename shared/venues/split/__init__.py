"""A swap over several pools in one transaction, when that pays more than it costs.

Pure but for `venue`, which the chain's opening makes. It knows other venues by their pools alone.
"""
