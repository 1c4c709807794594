"""`slipstream doctor`: what is reachable, what is behind, and what to do about it."""
