"""Orders and writes that went astray: dead letters, orphans, and what Redis has lost.

It knows the log below it, and no consumer. The reconciler, the guards of services and the command
line come in here.
"""
