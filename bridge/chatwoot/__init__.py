"""Everything that speaks Chatwoot's API: calls, answers, events.

Knows no gateway and no database.
"""
