"""Consumers of the log: groups, deliveries and leases, steps and batches.

It knows the log below it. Services hand it their handlers, and nothing else comes in here.
"""
