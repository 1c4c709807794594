"""Gateway: takes orders in, and shows clients every event of theirs.

Appends `OrderSubmitted`. Reads histories from Redis and the archive, and follows live updates.
"""
