"""The page at `/`, measured in a real browser: `python -m bench.page`.

`watched` opens it and reads its frame times; `frames` and `gateway_cpu` are the two questions.
"""
