"""Plain facts: errors, models, messages, texts. Nothing here reads a file or calls anything."""
