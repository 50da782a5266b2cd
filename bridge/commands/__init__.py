"""The commands of `chatwoot-bridge` but `serve`: each asks, calls one shared function, prints."""
