"""How columns hold what is no plain value."""

from bridge.domain.errors import BridgeError, dump, load


def of_error(error: BridgeError | None) -> str:
    """The text of a column for an error; empty for none."""
    return dump(error) if error is not None else ""


def to_error(text: str) -> BridgeError | None:
    """The error of a column; None for the empty text."""
    return load(text) if text else None
