"""Puts customers' messages, and what becomes of replies, into Chatwoot."""
