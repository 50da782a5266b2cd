"""Chatwoot Bridge: the one service between a WhatsApp gateway and Chatwoot.

The map of the house, lowest floor first; a module imports only from floors below its own:

    errors/                                    what can go wrong, as code and values
    options  models  messages  texts  assets  deadline  markup  logs  addresses  languages    plain
    settings  vault  http  bell  heartbeat  processes     tools: settings, secrets, calls, processes
    store/  sockets                            the one SQLite file; sockets to others
    chatwoot/  gateways/                       the two shores, which do not know each other
    credentials  services                      the secrets of an installation; the tray of tools
    capabilities                               what the Chatwoot of an integration cannot do
    intake  routing/                           what we do: THE shared functions
    checks  activation  instances
    console  metrics  doctor  backup  rotation  what people see, decide, and look after
    supervisor  commands/  cli                 who runs it
    web/                                       the browser and JSON doors (the only Flask here)
    sandbox/                                   pretend servers to try things with
"""

__version__ = "0.1.0"
