"""`slipstream load`: how fast orders are taken, and how fast they end, at a load of choice."""
