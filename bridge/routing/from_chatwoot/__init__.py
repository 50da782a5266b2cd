"""Hears Chatwoot by webhook, websocket and polling, and stores what agents do in the journal.

Nothing here sends to WhatsApp.
"""
