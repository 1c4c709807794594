"""Venues: what the engine needs from one, and those that there are.

A venue knows the domain, and the simulated ones Redis. Router, executor and gateway come in.
"""
