"""The log. The only package that knows Redis commands."""
