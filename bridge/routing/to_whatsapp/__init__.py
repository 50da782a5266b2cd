"""Sends agents' replies to WhatsApp, each once.

Nothing here knows which gateway it is, or writes to Chatwoot.
"""
