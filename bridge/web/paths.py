"""What paths may hold: numbers that the database has, and ways back that lead to us."""

import re
from typing import Any

from werkzeug.routing import IntegerConverter

#: A path as we make them: one slash in front, no second one, nothing that a browser reads as one.
_LOCAL = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*", re.ASCII)

#: SQLite's integers have 64 bits with their sign.
MOST_ROW_ID = 2**63 - 1


class RowId(IntegerConverter):
    """A number in a path; one that no row can have leads nowhere."""

    regex = r"[0-9]{1,19}"

    def __init__(self, map: Any, **more: Any) -> None:
        super().__init__(map, max=MOST_ROW_ID, **more)


def is_api(path: str) -> bool:
    return path == "/api" or path.startswith("/api/")


def row_id(text: str | None) -> int | None:
    """A number in a query; None for none, and for what no row can have."""
    match = re.fullmatch(r"[0-9]{1,19}", text or "", re.ASCII)
    return min(int(match[0]), MOST_ROW_ID) if match else None


def local_path(text: str | None, otherwise: str = "/") -> str:
    """`text` if it is a path of this service, so that nobody is sent elsewhere by a link."""
    return text if text and len(text) <= 2048 and _LOCAL.fullmatch(text) else otherwise
