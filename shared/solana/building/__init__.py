"""Transactions: the whole message of a swap around the instructions of its venue.

Pure. It knows nothing of the firewall, which judges its messages as a stranger's. Venues come in.
"""
