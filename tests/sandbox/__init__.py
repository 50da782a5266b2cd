"""The sandbox Chatwoot keeps the contract (docs/contracts/chatwoot.md)."""
