"""`slipstream demo`: many orders through the real stack, and every promise checked after."""
