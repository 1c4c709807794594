"""The development chain on the stage: its process, what strikes it, and what it bears witness to.

`tests.chaos` comes in, and nothing here knows of services.
"""
