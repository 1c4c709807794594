"""Commands to Redis: connections, scripts, key names, and what its errors mean.

It knows no event. Only the other rooms of shared/streams come in here, and the few that keep
something of their own in Redis.
"""
