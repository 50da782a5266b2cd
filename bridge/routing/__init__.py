"""Takes messages across: from_gateway to to_chatwoot, from_chatwoot to to_whatsapp.

The journal keeps them between; the router works through it. No page and no command.
"""
