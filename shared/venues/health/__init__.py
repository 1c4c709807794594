"""How venues do: whether they answer, and whether they pay what they quote.

Router, executor and gateway come in. `breaker`, `tally` and `record` do no I/O.
"""
