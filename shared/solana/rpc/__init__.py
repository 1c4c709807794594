"""JSON-RPC over one or several URLs: batches, deadlines, and routing around those that fail.

Only what asks a chain comes in; nothing here knows what the answers mean.
"""
