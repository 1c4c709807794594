"""The dialects of the five systems that Slipstream replaces, in front of the gateway's own API.

A layer that says requests in our words and answers in theirs; the gateway behind it knows nothing
of it. `plug_in` is all that is used of it, in one line of `services/gateway/app.py`; COMPAT=false
leaves it out. ADR 0017 has what the five disagree on, ADR 0018 why this is a layer.
"""
