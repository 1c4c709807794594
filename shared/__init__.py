"""What the services have in common. Knows none of them."""
