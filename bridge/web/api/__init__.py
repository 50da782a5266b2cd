"""The JSON API, its description, and the addresses for machines.

Bodies and their encoding live here; what a call does is decided on lower floors.
"""
