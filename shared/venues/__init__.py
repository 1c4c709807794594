"""What the engine needs from a venue, and the venues."""
