"""The archive: every event, and the tables folded from it. The only package that knows PostgreSQL.

It knows the domain and no log. Projector, gateway and executor come in, and the command line.
"""
