"""A pretend WhatsApp gateway that speaks the RyzeAPI contract, with a phone to look at.

For loopback only: newcomers try the bridge with it, tests and benchmarks use it as the far side.

    wire access                       envelopes, refusals, tokens
    app api_* control page server     the doors: gateway API, control API, page, process
    actions chats shapes              what people do, what that means, what events say
    phone courier hub                 how an event leaves: webhook queue, open sockets
    store directory instances media   what is remembered
    switches faults watch qr          what can be switched, broken, looked up
"""

from sandbox.whatsapp.app import create_sandbox_phone
from sandbox.whatsapp.server import serve_sandbox_phone

__all__ = ["create_sandbox_phone", "serve_sandbox_phone"]
