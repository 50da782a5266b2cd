"""Uploaded files: their kind, their storage, and the two addresses they are served at."""

import hashlib
import hmac
import secrets
import time
from urllib.parse import quote

from flask import Blueprint, Response, redirect, request
from werkzeug.datastructures import FileStorage

from sandbox.chatwoot.access import Caller, account_route, server
from sandbox.chatwoot.answers import no_route, reply, unprocessable
from sandbox.chatwoot.filetypes import content_type, file_name
from sandbox.chatwoot.progress import loses_bytes
from sandbox.chatwoot.records import Attachment
from sandbox.chatwoot.shapes import blob_path
from sandbox.chatwoot.state import State, base58_token

routes = Blueprint("uploads", __name__)

_IMAGES = {f"image/{kind}" for kind in ("jpeg", "jpg", "png", "gif", "bmp", "webp")}
_VIDEOS = {f"video/{kind}" for kind in ("mp4", "webm", "ogg", "quicktime")}
_LINK_SECONDS = 300
_LINK_SECRET = secrets.token_bytes(16)
_BLOB = "/rails/active_storage/blobs/redirect/<key>/<path:name>"
_THUMBNAIL = "/rails/active_storage/representations/redirect/<key>/<size>/<path:name>"
# Shown by a browser in the page; everything else is offered as a download.
_INLINE = {
    *("image/png", "image/gif", "image/jpeg", "image/jpg", "image/tiff", "image/bmp"),
    *("application/pdf", "audio/mpeg", "audio/ogg", "audio/mp4"),
}
# Types in which a browser would run scripts are served as plain bytes.
_DANGEROUS = ("text/html", "image/svg+xml", "application/xml", "text/xml", "text/javascript")


def _file_type(declared: str) -> str:
    """Chatwoot's kind of file: what is not declared an image, video or audio is a `file`."""
    if declared in _IMAGES:
        return "image"
    if declared in _VIDEOS:
        return "video"
    return "audio" if "audio/" in declared else "file"


def store(state: State, upload: FileStorage) -> str:
    """Store an upload; its key, which serves as its signed id and ends with its time in ms."""
    key = f"{base58_token()}--{int(time.time() * 1000):x}"
    body, name = upload.stream.read(), file_name(upload)
    kind = content_type(body, upload.content_type, name)
    if loses_bytes():
        server().lost_bytes.add(key)
    state.put_blob(key, name=name, kind=kind, body=body)
    return key


def attachment(
    state: State, key: str, declared: str | None, *, message_id: int, account_id: int
) -> Attachment:
    """An attachment over a stored upload; `declared` is the type that came with it, if any."""
    blob = state.blob(key)
    if blob is None:
        raise unprocessable("mismatched digest")
    name, kind, body = blob
    return Attachment(
        id=state.next_id(Attachment),
        message_id=message_id,
        account_id=account_id,
        file_type=_file_type(kind if declared is None else declared),
        content_type=kind,
        file_name=name,
        file_size=len(body),
        key=key,
        created_at=state.options.now(),
    )


@account_route(routes, "/upload", "POST")
def upload(who: Caller) -> Response:
    """Store a file for later use; its `blob_id` goes into a message's `attachments[]`."""
    file = request.files.get("attachment")
    if file is None:
        raise unprocessable("No file or URL provided")
    key = store(server().state, file)
    return reply({"file_url": address_of(key), "blob_id": key})


def address_of(key: str, *, thumbnail: bool = False) -> str:
    """The stable address of a stored upload."""
    name, _, _ = server().state.blob(key) or ("file", "", b"")
    return f"{server().base_url}{blob_path(key, name, thumbnail=thumbnail)}"


@routes.get(_BLOB)
@routes.get(_THUMBNAIL)
def blob(key: str, name: str, size: str = "") -> Response:
    """Redirects to the storage, without a token; a thumbnail has the bytes of the picture."""
    state, faults = server().state, server().faults
    if state.blob(key) is None:
        return Response(status=404, content_type="text/html")
    age_s = time.time() - int(key.rpartition("--")[2], 16) / 1000
    if age_s < faults.longest("attachment_delay"):
        return Response(status=404, content_type="text/html")
    until = int(time.time()) + _LINK_SECONDS
    disposition = request.args.get("disposition", "")
    target = f"/rails/active_storage/disk/{until}-{_mac(key, until)}/{key}/{quote(name, safe='')}"
    if disposition:
        target += f"?disposition={disposition}"
    return redirect(target, 302)  # type: ignore[return-value]


@routes.get("/rails/active_storage/disk/<proof>/<key>/<path:name>")
def stored(proof: str, key: str, name: str) -> Response:
    """The storage's own address; good for five minutes."""
    until, _, mac = proof.partition("-")
    found = server().state.blob(key)
    good = until.isdecimal() and hmac.compare_digest(mac, _mac(key, int(until)))
    if not good or int(until) < time.time() or found is None:
        raise no_route()
    stored_name, kind, body = found
    if key in server().lost_bytes:
        return Response(status=404, content_type=kind)
    shown_as = "application/octet-stream" if kind in _DANGEROUS else kind
    answer = Response(body, content_type=shown_as)
    disposition = "inline" if kind in _INLINE else "attachment"
    named = f"filename*=UTF-8''{quote(stored_name, safe='')}"
    answer.headers["Content-Disposition"] = f"{disposition}; {named}"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def _mac(key: str, until: int) -> str:
    return hashlib.sha256(_LINK_SECRET + f"{key}:{until}".encode()).hexdigest()[:32]
