"""Posts customers' messages to Chatwoot, and what becomes of replies. Receives nothing."""
