"""The overview, the page of an instance, and where messages are."""
