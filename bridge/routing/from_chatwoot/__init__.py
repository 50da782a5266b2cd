"""What Chatwoot tells: heard, asked for, and kept in the journal before it is acknowledged."""
