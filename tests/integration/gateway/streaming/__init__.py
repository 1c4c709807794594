"""The account stream."""
