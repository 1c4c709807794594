"""Follow an order, or all of an account, over as many connections as it takes.

Only the client comes in here.
"""
