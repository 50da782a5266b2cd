"""The pages and the JSON API: the only Flask here.

Calls shared functions; decides nothing.
"""
