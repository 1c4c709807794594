"""What Slipstream is measured with. Each module says how to run it and what it shows."""
