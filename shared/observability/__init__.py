"""Metrics, logs and traces: how a running service is seen from outside.

Every room may tell it something; of the rest it knows only the domain in shared/orders.
"""
