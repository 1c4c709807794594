"""The log: every event of every order, how it is added to, read and followed.

It knows the domain and the Redis room below it. Consumers, recovery and services come in here.
"""
