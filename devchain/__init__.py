"""devchain: a Solana chain on the desk. LiteSVM behind Solana's own JSON-RPC, for development.

It imports nothing of ours, and nothing of ours imports it but the command line that starts it.
Rooms: `chain` (blocks, accounts, the journal), `rpc` (methods and their replies), `server` (HTTP
and WebSocket), `genesis` (the market that a new chain is born with).
"""
