"""One package a service. None imports another: they meet on the log."""
