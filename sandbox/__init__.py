"""Pretend servers, a Chatwoot and a WhatsApp, that speak to the bridge over HTTP only."""
