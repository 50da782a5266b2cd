"""RyzeAPI's dialect (docs/contracts/ryzeapi.md)."""
