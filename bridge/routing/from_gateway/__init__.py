"""What gateways tell: heard, read and kept in the journal before it is acknowledged."""
