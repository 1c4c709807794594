"""Postgres: the archive of every event, and the tables folded from it. Alone speaks Postgres."""
