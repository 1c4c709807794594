"""Orders as they are kept: listed, written to files, shown and cancelled."""
