"""Fetches the files of agents' messages. Their addresses come in events and are not trusted.

Chatwoot serves every attachment itself and redirects to where it is stored (chatwoot.md section 5).
Its address in the event is built from Chatwoot's own setting, which need not be the address under
which we reach it: such a path is asked for at the Chatwoot that we know. Nothing else is called on
a private address, and the token goes nowhere.
"""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from bridge.chatwoot.diagnosis import Diagnosis
from bridge.chatwoot.refusals import FileNotThere, FileRefused, FileTooLarge
from bridge.deadline import Deadline
from bridge.http import CallFailed, Http, TooLarge

_MOST_REDIRECTS = 5
_STORAGE = "/rails/active_storage/"


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
    target, home = _at_chatwoot(url, base_url), _origin(base_url)
    trusted = _origin(target) == home
    for _ in range(_MOST_REDIRECTS + 1):
        place = _origin(target)
        if place is None:
            raise FileRefused(detail="no http address")
        try:
            answer = http.call(
                "GET",
                target,
                deadline=deadline,
                headers={"User-Agent": "chatwoot-bridge", "Accept": "*/*"},
                public_only=not trusted,
                max_bytes=max_bytes,
                save_to=to,
            )
        except TooLarge:
            raise FileTooLarge from None
        except CallFailed as failure:
            if failure.blocked:
                raise FileRefused(detail=f"{place.host} is private") from None
            raise diagnosis.no_answer(_of_host(place, failure.cause)) from None
        if 200 <= answer.status < 300:
            return answer.media_type
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
