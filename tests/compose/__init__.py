"""Run the compose stack as a user would, scale and restart it under load, and check everything."""
