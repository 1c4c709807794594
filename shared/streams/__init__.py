"""The log, and its consumers. The only package that knows Redis commands.

Its rooms are layers: consumer and recovery over log over redis over errors.
"""
