"""The chain: what LiteSVM is not. Blocks, heights, commitments, forks, and a journal that lasts.

No network, no clock: times come in. `devchain.rpc` asks here, `devchain.__main__` opens and steps.
"""
