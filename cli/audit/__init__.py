"""Audits: what the engine says it did, against what the chain says happened."""
