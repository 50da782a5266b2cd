"""Joins instances to Chatwoot: the functions that API, wizard and command line share.

No page and no command.
"""
