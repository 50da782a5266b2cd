"""Listens to Chatwoot over its socket, for installations that cannot call us.

Source: chatwoot.md section 8. Best effort: what happens while nobody listens is not repeated, so
whoever listens asks for what was missed, each time the subscription stands.
"""

import json
import time
from collections.abc import Generator, Iterator
from typing import Any

from bridge.chatwoot.diagnosis import Diagnosis
from bridge.chatwoot.events import ChatwootEvent, parse_frame
from bridge.deadline import Deadline
from bridge.errors import N_, ChatwootUnreachable
from bridge.http import CallFailed, Http
from bridge.sockets import HandshakeRefused, SocketEnded, WebSocket

#: Chatwoot pings every 3 s; this long a silence means that it is gone.
SILENCE_S = 10.0


class CableRefused(ChatwootUnreachable):
    """The socket did not open, or did not let us listen."""

    code = "cable_refused"
    remedy = N_(
        "Chatwoot did not let us listen at {base_url}/cable. A proxy in front of it must pass "
        "WebSockets; when the owner of the token has changed the password, save the token again."
    )


def listen(
    http: Http,
    base_url: str,
    *,
    pubsub_token: str,
    account_id: int,
    user_id: int,
    deadline: Deadline,
) -> Generator[ChatwootEvent | None, None, None]:
    """The events that the owner of a token is shown, until the connection ends.

    None first, when the subscription stands, and again every few seconds. The deadline is for the
    opening. Raises ChatwootUnreachable and CableRefused before that; ends without an error after.
    Subscribing shows the owner as online in Chatwoot for a moment.
    """
    channel = {
        "channel": "RoomChannel",
        "pubsub_token": str(pubsub_token),
        "account_id": account_id,
        "user_id": user_id,
    }
    identifier = json.dumps(channel)
    diagnosis = Diagnosis(base_url, account_id, str(pubsub_token))
    try:
        socket = WebSocket(
            http,
            f"{base_url}/cable",
            deadline=deadline,
            Sec_WebSocket_Protocol="actioncable-v1-json",
        )
    except CallFailed as failure:
        raise diagnosis.no_answer(failure) from None
    except HandshakeRefused as refusal:
        detail = f"{base_url}/cable HTTP {refusal.status}"
        raise CableRefused(detail=detail, base_url=base_url) from None
    with socket:
        try:
            _subscribe(socket, identifier, base_url, deadline)
        except SocketEnded as ended:
            raise CableRefused(detail=str(ended), base_url=base_url) from None
        yield None
        try:
            yield from _events(socket)
        except SocketEnded:
            return


def _subscribe(socket: WebSocket, identifier: str, base_url: str, deadline: Deadline) -> None:
    """Returns once the subscription is confirmed. Raises CableRefused and SocketEnded."""
    asked = False
    while deadline.remaining():
        frame = _frame(socket.receive(min(deadline.remaining(), SILENCE_S)))
        match frame.get("type"):
            case "welcome" if not asked:
                socket.send(json.dumps({"command": "subscribe", "identifier": identifier}))
                asked = True
            case "confirm_subscription":
                return
            case "reject_subscription" | "disconnect":
                detail = str(frame.get("reason") or frame.get("type"))
                raise CableRefused(detail=detail, base_url=base_url)
    # With a wrong token no answer comes at all.
    detail = "the subscription was not confirmed" if asked else "no welcome came"
    raise CableRefused(detail=detail, base_url=base_url)


def _events(socket: WebSocket) -> Iterator[ChatwootEvent | None]:
    heard_at = time.monotonic()
    while (left_s := heard_at + SILENCE_S - time.monotonic()) > 0:
        text = socket.receive(left_s)
        if text is None:
            continue
        heard_at = time.monotonic()
        frame = _frame(text)
        if frame.get("type") == "disconnect":
            return
        if frame.get("type") == "ping":
            yield None
        elif event := parse_frame(frame):
            yield event


def _frame(text: str | None) -> dict[str, Any]:
    try:
        frame = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    return frame if isinstance(frame, dict) else {}
