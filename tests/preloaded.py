"""Imported by the process that services are forked from."""

from tests.forked import preload

preload()
