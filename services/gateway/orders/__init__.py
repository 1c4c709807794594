"""Orders on their way in and out of the log: parsed, appended, cancelled and read back.

Addresses, sockets and the fast server come in here, each as a caller that is known already.
"""
