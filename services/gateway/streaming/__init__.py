"""The account stream: everything that happens to an account's orders, over one connection.

One feed reads the log for all who follow an account here, and only while somebody does. The
application's wiring comes in here; queues, sockets and histories are of the rooms below.
"""
