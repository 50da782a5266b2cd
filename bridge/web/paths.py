"""Addresses that come back from the browser: only paths of our own are followed."""

import re

#: A path as we make them: one slash in front, no second one, nothing that a browser reads as one.
_LOCAL = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*", re.ASCII)


def local_path(text: str | None, otherwise: str = "/") -> str:
    """`text` if it is a path of this service, so that nobody is sent elsewhere by a link."""
    return text if text and len(text) <= 2048 and _LOCAL.fullmatch(text) else otherwise
