"""What keeps the repository itself in order. No part of the running system."""
