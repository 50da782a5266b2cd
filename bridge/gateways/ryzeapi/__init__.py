"""RyzeAPI (docs/contracts/ryzeapi.md, How we know).

gateway   what `bridge.gateways.base.Gateway` asks for
parse     its events as neutral ones
content   what a message says
sending   the routes for each kind of message
calls     HTTP, and what its failures mean
"""

from bridge.gateways.ryzeapi.gateway import RyzeApi

__all__ = ["RyzeApi"]
