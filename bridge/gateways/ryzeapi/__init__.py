"""RyzeAPI (docs/contracts/ryzeapi.md, How we know)."""
