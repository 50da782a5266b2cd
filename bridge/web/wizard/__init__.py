"""The wizard: one question a page.

It asks, checks and stores answers; activating is the work of `bridge.activation`.
"""
