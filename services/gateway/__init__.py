"""The public side: takes orders in, and shows each client what becomes of them.

Appends `OrderSubmitted`. Reads histories from Redis and the archive, and follows live updates.
"""
