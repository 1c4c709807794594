"""Imported by the process that services are forked from."""

from tests.support.forked import preload

preload()
