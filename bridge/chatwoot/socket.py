"""Listens to Chatwoot over its socket, which needs no address of ours.

Source: docs/contracts/chatwoot.md, Socket. Best effort: what happens while nobody listens is not
repeated, so whoever listens asks for what was missed, each time a subscription is confirmed.
"""

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from bridge.chatwoot.diagnosis import Diagnosis
from bridge.chatwoot.events import ChatwootEvent, parse_frame
from bridge.chatwoot.values import number
from bridge.domain.errors import N_, ChatwootUnreachable
from bridge.domain.texts import json_object
from bridge.net.deadline import Deadline
from bridge.net.http import CallFailed, Http
from bridge.net.websocket import HandshakeRefused, SocketEnded, WebSocket

#: Chatwoot pings every 3 s; this long a silence means that it is gone.
SILENCE_S = 10.0


class CableRefused(ChatwootUnreachable, code="cable_refused"):
    """The socket did not open, or did not let us listen."""

    remedy = N_(
        "Chatwoot did not let us listen at {base_url}/cable. A proxy in front of it must pass "
        "WebSockets; when the owner of the token has changed the password, save the token again."
    )


class CableEvent(NamedTuple):
    """An event, and the account whose subscription brought it."""

    account_id: int
    event: ChatwootEvent


class Subscribed(NamedTuple):
    """Chatwoot has confirmed the subscription to an account."""

    account_id: int


class Cable:
    """One connection with subscriptions to any number of the owner's accounts; for one thread.

    Whatever account a subscription names, it brings the messages and conversations of every account
    of the token's owner, and only the contacts of its own. So that nothing comes twice or from
    elsewhere, an event counts only where the subscription to its own account brings it.
    """

    def __init__(
        self, http: Http, base_url: str, *, pubsub_token: str, user_id: int, deadline: Deadline
    ) -> None:
        """Opens the connection. Raises ChatwootUnreachable and CableRefused.

        The first subscription shows the owner as online in Chatwoot for about 20 s.
        """
        self._pubsub_token, self._user_id = str(pubsub_token), user_id
        self._base_url = base_url
        diagnosis = Diagnosis(base_url, None, str(pubsub_token))
        try:
            self._socket = WebSocket(
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
        try:
            self.wait_for("welcome", deadline)
        except BaseException:
            self._socket.close()
            raise

    def subscribe(self, account_id: int) -> None:
        """Asks for the events of an account; `events` says when Chatwoot has confirmed it.

        With a wrong token, or an account that is not the owner's, no answer ever comes.
        """
        channel = {
            "channel": "RoomChannel",
            "pubsub_token": self._pubsub_token,
            "account_id": account_id,
            "user_id": self._user_id,
        }
        frame = {"command": "subscribe", "identifier": json.dumps(channel)}
        with contextlib.suppress(SocketEnded):  # reading tells of the end
            self._socket.send(json.dumps(frame))

    def events(self) -> Iterator[CableEvent | Subscribed | None]:
        """Events until the connection ends, and None every few seconds as a sign of life.

        Raises CableRefused when a subscription is rejected.
        """
        heard_at = time.monotonic()
        try:
            while (left_s := heard_at + SILENCE_S - time.monotonic()) > 0:
                text = self._socket.receive(left_s)
                if text is None:
                    continue
                heard_at = time.monotonic()
                frame = json_object(text)
                if frame.get("type") == "disconnect":
                    return
                if frame.get("type") == "ping":
                    yield None
                elif event := self._read(frame):
                    yield event
        except SocketEnded:
            return

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, frame: dict[str, Any]) -> CableEvent | Subscribed | None:
        match frame.get("type"):
            case "confirm_subscription":
                return Subscribed(_account_of(frame))
            case "reject_subscription":
                raise CableRefused(detail="reject_subscription", base_url=self._base_url)
        event, account_id = parse_frame(frame), _account_of(frame)
        if event is None or event.account_id not in {0, account_id}:
            return None
        return CableEvent(account_id, event)

    def wait_for(self, wanted: str, deadline: Deadline) -> None:
        """Returns once a frame of that type has come. Raises CableRefused."""
        try:
            while deadline.remaining():
                frame = json_object(
                    self._socket.receive(min(deadline.remaining(), SILENCE_S)) or ""
                )
                kind = frame.get("type")
                if kind == wanted:
                    return
                if kind in {"reject_subscription", "disconnect"}:
                    detail = str(frame.get("reason") or kind)
                    raise CableRefused(detail=detail, base_url=self._base_url)
        except SocketEnded as ended:
            raise CableRefused(detail=str(ended), base_url=self._base_url) from None
        # With a wrong token no confirmation comes at all.
        raise CableRefused(detail=f"no {wanted} came", base_url=self._base_url)


def _account_of(frame: dict[str, Any]) -> int:
    """The account that the subscription of a frame named; 0 for no subscription of ours."""
    return number(json_object(str(frame.get("identifier"))), "account_id")
