"""The market that a new chain is born with: accounts (mints, pools, vaults) and programs.

`devchain.__main__` and the tests come in, and `devchain.market` for keys and the plan. All is pure.
"""

from devchain.genesis.build import accounts, programs

__all__ = ["accounts", "programs"]
