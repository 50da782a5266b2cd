"""Sends agents' replies to WhatsApp, each once."""
