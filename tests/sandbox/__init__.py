"""The sandbox Chatwoot keeps the contract (chatwoot.md, its section 12 above all)."""
