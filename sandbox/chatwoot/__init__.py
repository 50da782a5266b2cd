"""A small, faithful Chatwoot: the slice of its account API that a WhatsApp bridge uses.

It speaks real HTTP with the status codes, bodies, validations and traps of a real Chatwoot of
the version that is chosen (docs/contracts/chatwoot.md), stores its state in one SQLite file, and
has an agent page and selectable faults (docs/sandbox.md).
"""
