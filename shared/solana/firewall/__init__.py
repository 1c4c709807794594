"""The firewall: no message is signed but one that does its order's swap and nothing else.

Pure, and an allow-list throughout. Only `shared.solana.signing` and the venues come in.
"""
