"""Receives what gateways tell and stores it in the journal. Delivers nothing."""
