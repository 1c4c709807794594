"""The tokens that may be traded: a list that ships with Slipstream, or the operator's own.

Settings check it at start. Gateway, router and venues come in for what they know of a token.
"""
