"""Pretend servers, so that the whole loop runs on one machine: a Chatwoot and a phone.

They stand apart from the bridge: they speak to it over HTTP only, and nothing but the process
tree starts them.
"""
