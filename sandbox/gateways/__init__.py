"""The dialects of the pretend gateways, one folder each; see sandbox.whatsapp.dialect."""
