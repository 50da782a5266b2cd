"""The processes themselves: logs, children, heartbeat, the wake-up between them.

Knows nothing of messages.
"""
