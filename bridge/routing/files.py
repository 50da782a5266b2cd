"""Files between the two sides: through the disk, bounded, never in memory.

Rules: docs/contracts/ryzeapi.md, Events and Media; docs/contracts/chatwoot.md, Files (voice notes
come as MP3).
"""

import contextlib
import mimetypes
import re
import shutil
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bridge.chatwoot.events import Attachment
from bridge.chatwoot.refusals import FileEmpty, FileTooLarge
from bridge.domain import texts
from bridge.domain.messages import Kind, Media, Message
from bridge.net.deadline import Deadline
from bridge.routing import filetypes
from bridge.routing.context import FILE_S, Context
from bridge.routing.to_whatsapp import conversions

#: Chatwoot's own limit for agents (docs/contracts/chatwoot.md, Files), in bytes.
MAX_BYTES = 40 * 1024 * 1024
_MAX_NAME = 120
_FILM = "video/mp4"
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f/\\<>:"|?*]+')


@dataclass(frozen=True, slots=True)
class File:
    """A file that lies ready. `seconds` is the length of a voice note where it is known."""

    path: Path
    name: str
    mime_type: str
    kind: Kind
    seconds: int = 0

    @property
    def size(self) -> int:
        return self.path.stat().st_size


@contextlib.contextmanager
def from_gateway(message: Message, context: Context, *, seconds: float) -> Iterator[File]:
    """The file of a message, fetched within so many seconds. Raises FileTooLarge, FileEmpty or
    GatewayErrors."""
    media, gateway = message.media or Media(), context.required_gateway()
    with context.folder() as folder:
        path = gateway.fetch_media(message, to=folder, limit=MAX_BYTES, deadline=Deadline(seconds))
        if path.stat().st_size > MAX_BYTES:
            raise FileTooLarge
        if not path.stat().st_size:
            raise FileEmpty
        mime_type = filetypes.type_of(path, media.mime_type) or "application/octet-stream"
        name = safe_name(media.file_name, message.kind, mime_type)
        yield File(path, name, mime_type, message.kind)
    # Reached only when the file has arrived: a try that failed needs it again.
    if media.spooled:
        Path(media.spooled).unlink(missing_ok=True)


def sweep(spool: Path) -> None:
    """Removes what a killed process left behind: folders of files in transit."""
    for left in spool.glob("file-*"):
        shutil.rmtree(left, ignore_errors=True)


def sweep_spool(spool: Path, *, older_than: float) -> None:
    """Removes files of events that were never fetched, from before `older_than` (UTC seconds)."""
    for left in spool.iterdir():
        if left.is_file() and left.stat().st_mtime < older_than:
            left.unlink(missing_ok=True)


@contextlib.contextmanager
def from_chatwoot(attachment: Attachment, context: Context) -> Iterator[File]:
    """The file of an agent's attachment, made ready for WhatsApp where that can be."""
    with context.folder() as folder:
        path = folder / "attachment"
        files = context.chatwoot(FILE_S).files
        mime_type = files.download(attachment.url, to=path, max_bytes=MAX_BYTES)
        if not path.stat().st_size:
            raise FileEmpty
        mime_type = filetypes.type_of(path, attachment.mime_type or mime_type)
        yield _for_phones(path, attachment.file_name, mime_type)


def _for_phones(path: Path, name: str, mime_type: str) -> File:
    """The file as phones can play it, else as one that they can keep."""
    kind = filetypes.kind_of(mime_type)
    if kind is Kind.VOICE:
        voice = conversions.to_voice(path, mime_type)
        if voice is not None:
            return File(voice, "voice.ogg", filetypes.VOICE, kind)
        kind = Kind.AUDIO  # without ffmpeg it goes as a file that plays everywhere
    elif conversions.is_film(path, mime_type):
        film = conversions.to_film(path, mime_type)
        if film is not None and film.stat().st_size <= MAX_BYTES:
            stem = name.rpartition(".")[0] if mimetypes.guess_type(name)[0] else name
            return File(film, safe_name(f"{stem}.mp4", Kind.VIDEO, _FILM), _FILM, Kind.VIDEO)
        kind = Kind.DOCUMENT
    return File(path, safe_name(name, kind, mime_type), mime_type, kind)


def safe_name(name: str, kind: Kind, mime_type: str) -> str:
    """A name without paths, control or invisible characters, with an ending that opens it."""
    cleaned = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", name))
    cleaned = filetypes.named_for(texts.name(cleaned).strip(" ."), mime_type)
    if not cleaned:
        return f"{kind}{mimetypes.guess_extension(filetypes.bare(mime_type)) or ''}"
    stem, dot, suffix = cleaned.rpartition(".")
    if dot and 0 < len(suffix) <= 8:
        return f"{stem[: _MAX_NAME - 9]}.{suffix}"
    return cleaned[: _MAX_NAME - 9]
