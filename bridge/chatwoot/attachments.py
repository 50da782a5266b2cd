"""Fetches the files of agents' messages. Their addresses come in events and are not trusted.

Chatwoot serves every attachment itself and redirects to where it is stored
(docs/contracts/chatwoot.md, Files). Its address in the event is built from Chatwoot's own setting,
which need not be the address under which we reach it: such a path is asked for at the Chatwoot that
we know. Nothing else is called on a private address, and the token goes nowhere.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from bridge.chatwoot.diagnosis import Diagnosis
from bridge.chatwoot.events import Attachment
from bridge.chatwoot.refusals import FileNotThere, FileRefused, FileTooLarge
from bridge.net.deadline import Deadline
from bridge.net.http import Answer, CallFailed, Http, TooLarge

_MOST_REDIRECTS = 5
_STORAGE = "/rails/active_storage/"
#: Asks for a byte of a file as it is stored; a storage that cannot do that offers all of it.
_FIRST_BYTE = {"Range": "bytes=0-0", "Accept-Encoding": "identity"}
_PARTIAL = 206


def download(
    http: Http,
    url: str,
    *,
    base_url: str,
    to: Path,
    max_bytes: int,
    deadline: Deadline,
    diagnosis: Diagnosis,
) -> str:
    """The file behind `url` into the new file `to`; its media type, empty when not said.

    Raises FileNotThere (404, perhaps only yet), FileTooLarge, FileRefused (an address that is not
    called), and the errors of the diagnosis.
    """
    call = partial(http.call, "GET", deadline=deadline, max_bytes=max_bytes, save_to=to)
    return _follow(call, url, base_url, diagnosis).media_type


def is_stored(
    http: Http,
    attachment: Attachment,
    *,
    base_url: str,
    deadline: Deadline,
    diagnosis: Diagnosis,
) -> bool:
    """Whether the bytes of an attachment are there, all of them, and not only its row
    (docs/contracts/chatwoot.md, Files). Next to nothing of the file is read.

    True where its address is one that is not called. Raises the errors of the diagnosis.
    """
    call = partial(http.call, "GET", deadline=deadline, read_body=False)
    try:
        answer = _follow(call, attachment.url, base_url, diagnosis, **_FIRST_BYTE)
    except FileNotThere:
        return False
    except FileRefused:
        return True
    partly = answer.headers.get("content-range", "").rpartition("/")[2]
    told = partly if answer.status == _PARTIAL else answer.headers.get("content-length", "")
    return not (attachment.size and told.isdecimal()) or int(told) == attachment.size


def _follow(
    call: Callable[..., Answer],
    url: str,
    base_url: str,
    diagnosis: Diagnosis,
    **headers: str,
) -> Answer:
    """The success behind `url`, whatever redirects lead to it."""
    target, home = _at_chatwoot(url, base_url), _origin(base_url)
    trusted = _origin(target) == home
    for _ in range(_MOST_REDIRECTS + 1):
        place = _origin(target)
        if place is None:
            raise FileRefused(detail="no http address")
        try:
            answer = call(
                target,
                headers={"User-Agent": "chatwoot-bridge", "Accept": "*/*", **headers},
                public_only=not trusted,
            )
        except TooLarge:
            raise FileTooLarge from None
        except CallFailed as failure:
            if failure.blocked:
                raise FileRefused(detail=f"{place.host} is private") from None
            raise diagnosis.no_answer(_of_host(place, failure.cause)) from None
        if 200 <= answer.status < 300:
            return answer
        if answer.status in {404, 410}:
            raise FileNotThere(detail=f"{place.host} HTTP {answer.status}")
        location = answer.headers.get("location", "")
        if not (300 <= answer.status < 400 and location):
            raise diagnosis.no_answer(_of_host(place, f"HTTP {answer.status}"))
        target = urljoin(target, location)
        # Chatwoot may keep its files in a storage of its own machine, on another port.
        after = _origin(target)
        trusted = after is not None and home is not None and after.host == home.host
    raise FileRefused(detail=f"more than {_MOST_REDIRECTS} redirects")


class _Origin(NamedTuple):
    scheme: str
    host: str
    port: int


def _origin(url: str) -> _Origin | None:
    """Whom an address means; None for what is not http and for addresses with a password."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        return None
    return _Origin(parts.scheme, parts.hostname.lower(), port)


def _of_host(place: _Origin, cause: str) -> CallFailed:
    """A failure that names only the host: a storage's whole address is a key to the file."""
    return CallFailed("GET", f"{place.scheme}://{place.host}:{place.port}", cause, sent=True)


def _at_chatwoot(url: str, base_url: str) -> str:
    """The address of a file that Chatwoot serves, at the Chatwoot that we know."""
    _, served, rest = url.partition(_STORAGE)
    return f"{base_url}{served}{rest}" if served else url
