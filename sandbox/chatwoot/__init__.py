"""A small, faithful Chatwoot: the slice of its account API that a WhatsApp bridge uses.

It speaks real HTTP with the status codes, bodies, validations and traps of a real Chatwoot of
the version that is chosen (docs/contracts/chatwoot.md), keeps its state in one SQLite file, and has
an agent page and selectable faults (docs/sandbox.md).
"""

from sandbox.chatwoot.app import create_sandbox_chatwoot
from sandbox.chatwoot.server import serve_sandbox_chatwoot

__all__ = ["create_sandbox_chatwoot", "serve_sandbox_chatwoot"]
