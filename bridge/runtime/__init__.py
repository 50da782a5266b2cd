"""The processes: logs, children, heartbeat and wakeup. Knows nothing of messages."""
