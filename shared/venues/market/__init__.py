"""The market of the simulated venues: what they quote and pay, the same in all replicas.

The simulated venues come in, and those who drive a scripted market: tests, and the command line.
`stage` keeps it in Redis; all others but `markets`, which asks, do no I/O.
"""
