"""Figures for people who watch: what goes on, what needs somebody, and how well it is done.

Only app.py and wiring.py come in. Each looks things up once in a while, however many ask, and says
which of them cannot be told now rather than nothing at all.
"""
