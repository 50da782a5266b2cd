"""Chatwoot Bridge: the one service between a WhatsApp gateway and Chatwoot.

The map, lowest floor first: a room imports only from floors below its own, and rooms that share a
floor do not know each other. tests/test_house.py reads this very list.

    domain  markup                     plain facts; WhatsApp marks and Markdown
    config  net  runtime               settings; calls to others; processes
    store  gateways                    the database; what each WhatsApp gateway speaks
    chatwoot  services                 what Chatwoot speaks; the open installation
    routing                            messages, both ways
    activation                         joins an instance to Chatwoot
    operations                         what operators ask and decide
    cli  web                           terminal; pages and JSON API
    __main__                           starts the command line

`sandbox/`, beside this package, pretends to be Chatwoot and WhatsApp; nothing here imports it.
"""

__version__ = "0.2.0"
