"""The pages of the signed-in operator: overview, instances, messages, audit trail.

Decisions about messages are made by `bridge.operations.messages`.
"""
