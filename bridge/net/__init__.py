"""Calls to others: HTTP, WebSocket, addresses, deadlines and pace.

Knows neither Chatwoot nor a gateway.
"""
