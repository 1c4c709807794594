"""The rooms that services have in common. None of them knows a service.

The layers among them are in pyproject.toml, as a picture in docs/architecture.md.
"""
