"""The pictures of the README, made from a real stack: `python -m tools.pictures`.

`record` and `page` look at things that run; `screen` and `drawing` are pure. Nobody else comes in.
"""
