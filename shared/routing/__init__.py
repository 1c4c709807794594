"""How the best price is found: asking the venues, and choosing among what they offer."""
