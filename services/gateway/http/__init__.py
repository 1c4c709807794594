"""Answers and refusals in HTTP: problem documents, headers, and what all routes share.

Every other room of the gateway may come in; it knows none of them.
"""
