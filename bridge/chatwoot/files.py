"""Files of messages: uploads, and what agents attached, whose addresses are not trusted.

Chatwoot serves every attachment itself and redirects to where it is stored
(docs/contracts/chatwoot.md, Files). Its address in the event is built from Chatwoot's own setting,
which need not be the address under which we reach it: such a path is asked for at the Chatwoot that
we know. Nothing else is called on a private address, and the token goes nowhere.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

from bridge.chatwoot.answers import InboxCalls
from bridge.chatwoot.events import Attachment
from bridge.chatwoot.multipart import STORE_S, Multipart
from bridge.chatwoot.refusals import FileNotThere, FileRefused, FileTooLarge
from bridge.domain.urls import Origin, origin_of
from bridge.net.http import Answer, AnswerTooLarge, CallFailed

_MOST_REDIRECTS = 5
_STORAGE = "/rails/active_storage/"
#: Asks for a byte of a file as it is stored; a storage that cannot do that offers all of it.
_FIRST_BYTE = {"Range": "bytes=0-0", "Accept-Encoding": "identity"}
_PARTIAL = 206


class Upload(NamedTuple):
    """A file that no message has yet: `blob_id` gives it to one."""

    blob_id: str
    file: Attachment


class Files:
    """Raises the errors of `bridge.chatwoot.answers`."""

    def __init__(self, calls: InboxCalls) -> None:
        self._calls, self._transport = calls, calls.transport

    def upload(self, path: Path, *, file_name: str, mime_type: str) -> Upload | None:
        """Has Chatwoot store a file for a message to come; an account may do so 60 times an hour.

        None where it does not store it, as while its storage is full. Raises FileTooLarge.
        """
        form = Multipart({}, "attachment", path, name=file_name, mime_type=mime_type)
        answer = self._transport.send("POST", "upload", form=form, read_s=STORE_S)
        if answer.status in {422, 500}:
            return None
        body = self._calls.read(answer).object()
        blob_id, url = body.get("blob_id"), body.get("file_url")
        if not isinstance(blob_id, str) or not isinstance(url, str):
            return None
        upload = Upload(blob_id, Attachment(url, size=path.stat().st_size))
        return upload if self.is_stored(upload.file) else None

    def download(self, url: str, *, to: Path, max_bytes: int) -> str:
        """The file behind `url` into the new file `to`; its media type, empty when not said.

        Raises FileNotThere (404, perhaps only yet), FileTooLarge, and FileRefused (an address that
        is not called).
        """
        return self._follow(url, partial(self._get, max_bytes=max_bytes, save_to=to)).media_type

    def is_stored(self, attachment: Attachment) -> bool:
        """Whether the bytes of an attachment are there, all of them, and not only its row
        (docs/contracts/chatwoot.md, Files). Next to nothing of the file is read.

        True where its address is one that is not called.
        """
        get = partial(self._get, headers=_FIRST_BYTE, read_body=False)
        try:
            answer = self._follow(attachment.url, get)
        except FileNotThere:
            return False
        except FileRefused:
            return True
        size = answer.headers.get("content-length", "")
        if answer.status == _PARTIAL:
            size = answer.headers.get("content-range", "").rpartition("/")[2]
        return not (attachment.size and size.isdecimal()) or int(size) == attachment.size

    # -- underneath --------------------------------------------------------------------------------

    def _get(self, url: str, **options: Any) -> Answer:
        return self._transport.http.call("GET", url, deadline=self._transport.deadline, **options)

    def _follow(self, url: str, get: Callable[..., Answer]) -> Answer:
        """The success behind `url`, whatever redirects lead to it."""
        base_url, diagnosis = self._transport.base_url, self._transport.diagnosis
        _, served, rest = url.partition(_STORAGE)
        target, home = f"{base_url}{served}{rest}" if served else url, origin_of(base_url)
        is_trusted = origin_of(target) == home
        for _ in range(_MOST_REDIRECTS + 1):
            origin = origin_of(target)
            if origin is None:
                raise FileRefused(detail="no http address")
            try:
                answer = get(target, public_only=not is_trusted)
            except AnswerTooLarge:
                raise FileTooLarge from None
            except CallFailed as failure:
                if failure.blocked:
                    raise FileRefused(detail=f"{origin.host} is private") from None
                raise diagnosis.no_answer(_failure_at(origin, failure.cause)) from None
            if answer.is_success:
                return answer
            if answer.status in {404, 410}:
                raise FileNotThere(detail=f"{origin.host} HTTP {answer.status}")
            location = answer.headers.get("location", "")
            if not (300 <= answer.status < 400 and location):
                raise diagnosis.no_answer(_failure_at(origin, f"HTTP {answer.status}"))
            target = urljoin(target, location)
            # Chatwoot may keep its files in a storage of its own machine, on another port.
            after = origin_of(target)
            is_trusted = after is not None and home is not None and after.host == home.host
        raise FileRefused(detail=f"more than {_MOST_REDIRECTS} redirects")


def _failure_at(origin: Origin, cause: str) -> CallFailed:
    """A failure that names only the host: a storage's whole address is a key to the file."""
    return CallFailed("GET", str(origin), cause, sent=True)
