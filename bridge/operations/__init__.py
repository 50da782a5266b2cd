"""What operators ask and decide: messages, doctor, metrics, backup, key rotation.

No page and no command.
"""
