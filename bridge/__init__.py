"""Chatwoot Bridge: the one service between a WhatsApp gateway and Chatwoot.

The map of the house, lowest floor first; a module imports only from floors below its own:

    errors  models  settings  assets            plain facts, standard library only
    addresses  vault  http                       tools: sealed secrets, calls, the one SQLite file
    chatwoot/                                   the Chatwoot shore: addresses, calls, diagnosis
    services                                    the tray that carries the tools
    activation                                  what we do: THE shared functions
    supervisor  cli                             who runs it
    web/                                        the browser and JSON doors (the only Flask here)
    sandbox/                                    pretend servers to try things with
"""

__version__ = "0.1.0"
