"""The wire dialects of the pretend gateway, one folder each."""
