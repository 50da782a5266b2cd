"""The wizard: one question a page."""
