"""The settings of an installation, and the files that come with the program.

Nothing else reads the environment.
"""
