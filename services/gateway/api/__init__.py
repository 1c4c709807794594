"""The addresses of the HTTP API, one module for each group of them.

Only app.py comes in here. Each address parses, asks one of the rooms below, and answers.
"""
