"""The command line, and `serve`, which runs the processes.

Calls shared functions; decides nothing.
"""
