"""How far a request gets that a fault stops, and the places that ask for it."""

from enum import IntEnum

from flask import g, has_request_context


class Progress(IntEnum):
    """How far a request came before it failed."""

    BEFORE = 0  # nothing is done
    STORED = 1  # its rows are there; the conversation did not move, no event is sent
    MOVED = 2  # its conversation moved too; no event is sent
    TOLD = 3  # events are sent; the contact is not written, as a customer's message does
    DONE = 4  # everything is done, only the answer fails


def fail_at(stage: Progress | None, *, loses_bytes: bool = False) -> None:
    """Let the current request come so far and no farther; None lets it come to its end."""
    g.fails_at = stage
    g.loses_bytes = loses_bytes


def stops_at(stage: Progress) -> bool:
    """Whether the current request is over once it has come to this stage."""
    fails_at = g.get("fails_at") if has_request_context() else None
    return fails_at is not None and fails_at <= stage


def loses_bytes() -> bool:
    """Whether the bytes that the current request uploads are lost."""
    return has_request_context() and bool(g.get("loses_bytes"))
