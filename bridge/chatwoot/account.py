"""What activation and looks ask of Chatwoot: the token's owner, and the account's inboxes.

Sources: docs/contracts/chatwoot.md, Access and Inboxes.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.chatwoot.diagnosis import is_missing_record
from bridge.chatwoot.transport import Transport
from bridge.chatwoot.values import number, rows, text
from bridge.domain.errors import InboxGone
from bridge.domain.models import Membership, Secret, TokenOwner
from bridge.net.http import Answer

#: Where an inbox carries the id of the integration that it was made for.
MARKER = "chatwoot_bridge_integration"
_API_CHANNEL = "Channel::Api"


@dataclass(frozen=True, slots=True)
class InboxSettings:
    """How an inbox should be (docs/contracts/chatwoot.md, Inboxes, `POST inboxes`). `webhook_url`
    None leaves the one that is there."""

    name: str
    webhook_url: str | None
    lock_to_single_conversation: bool
    marker: str

    @property
    def body(self) -> dict[str, object]:
        """What is set outside of the channel."""
        return {
            "name": self.name,
            "lock_to_single_conversation": self.lock_to_single_conversation,
        }


@dataclass(frozen=True, slots=True)
class Inbox:
    """An API inbox as Chatwoot has it. `secret` is empty before Chatwoot 4.13.0
    (docs/contracts/chatwoot.md, Signatures); `webhook_url` is where it calls, empty for nowhere;
    `surveys`: customers are asked to rate their conversations."""

    id: int
    name: str
    marker: str
    secret: Secret
    webhook_url: str = ""
    surveys: bool = False


class Account:
    """One account, or only the token's owner where no account is named.

    The transport waits for a throttled Chatwoot as long as the deadline allows. Raises the errors
    of `bridge.chatwoot.diagnosis`.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport, self._diagnosis = transport, transport.diagnosis

    def version(self) -> str:
        """The version that answers at the address (`GET /api`, no token needed)."""
        answer = self._transport.send("GET", "/api", anonymous=True)
        body = self._read(answer)
        version = body.get("version")
        if not isinstance(version, str) or not version[:1].isdigit():
            raise self._diagnosis.not_chatwoot(answer)
        timestamp = body.get("timestamp")
        if "date" not in answer.headers and isinstance(timestamp, str):
            # Without a server in front of it Chatwoot sends no `Date`.
            with contextlib.suppress(ValueError, OverflowError):
                shown = datetime.fromisoformat(timestamp).replace(tzinfo=UTC).timestamp()
                self._transport.note_time(answer, shown)
        return version[:40]

    def owner(self) -> TokenOwner:
        """Whose token it is (`GET /api/v1/profile`)."""
        answer = self._transport.send("GET", "/api/v1/profile")
        profile = self._read(answer)
        if not isinstance(profile.get("accounts"), list):
            raise self._diagnosis.not_chatwoot(answer)
        email = text(profile, "email")
        return TokenOwner(
            name=text(profile, "available_name") or text(profile, "name") or email,
            email=email,
            accounts=tuple(map(_membership, _records(profile, "accounts"))),
            id=number(profile, "id"),
            pubsub_token=Secret(text(profile, "pubsub_token")),
        )

    def require_administrator(self, owner: TokenOwner) -> None:
        """Raises when the owner may not make inboxes in the account (`accounts[].role`)."""
        membership = owner.account(self._transport.account_id or 0)
        if membership is not None and membership.role != "administrator":
            url = self._transport.url("/api/v1/profile")
            raise self._diagnosis.not_administrator(url, membership.role)

    def inboxes(self) -> list[Inbox]:
        """The account's API inboxes, oldest first.

        Also proves that the account exists and that the token's owner belongs to it: this call
        tells the two apart, while the account's own address does not.
        """
        answer = self._transport.send("GET", "inboxes")
        body = self._read(answer)
        if not isinstance(body.get("payload"), list):
            raise self._diagnosis.not_chatwoot(answer)
        channels = _records(body, "payload")
        inboxes = [_inbox(row) for row in channels if row.get("channel_type") == _API_CHANNEL]
        return sorted(inboxes, key=lambda inbox: inbox.id)

    def inbox(self, inbox_id: int) -> Inbox:
        """One inbox. Raises InboxGone when Chatwoot no longer has it."""
        return self._inbox("GET", inbox_id)

    def members(self, inbox_id: int) -> set[int]:
        """The ids of the users who are members of an inbox."""
        answer = self._transport.send("GET", f"inbox_members/{inbox_id}")
        return {number(row, "id") for row in _records(self._read(answer), "payload")}

    def create_inbox(self, settings: InboxSettings) -> Inbox:
        """A new API inbox that carries our marker."""
        channel = {
            "type": "api",
            "webhook_url": settings.webhook_url or "",
            "additional_attributes": {MARKER: settings.marker},
        }
        body = settings.body | {"channel": channel}
        return self._read_inbox(self._transport.send("POST", "inboxes", body))

    def update_inbox(self, inbox_id: int, settings: InboxSettings) -> Inbox:
        """The inbox with its name, webhook and lock as set. Raises InboxGone."""
        body = settings.body
        if settings.webhook_url is not None:
            body["channel"] = {"webhook_url": settings.webhook_url}
        return self._inbox("PATCH", inbox_id, body)

    def set_webhook(self, inbox_id: int, url: str) -> None:
        """Has the inbox call that address; an empty one: nobody. Raises InboxGone."""
        self._inbox("PATCH", inbox_id, {"channel": {"webhook_url": url}})

    def delete_inbox(self, inbox_id: int) -> None:
        """Removes an inbox; Chatwoot does so a little later."""
        self._read(self._transport.send("DELETE", f"inboxes/{inbox_id}"))

    # -- underneath --------------------------------------------------------------------------------

    def _inbox(self, method: str, inbox_id: int, body: object = None) -> Inbox:
        answer = self._transport.send(method, f"inboxes/{inbox_id}", body)
        if is_missing_record(answer):
            raise InboxGone(
                detail=self._diagnosis.cause(answer),
                inbox_id=inbox_id,
                account_id=self._transport.account_id,
            )
        return self._read_inbox(answer)

    def _read_inbox(self, answer: Answer) -> Inbox:
        inbox = _inbox(self._read(answer))
        if not inbox.id:
            raise self._diagnosis.not_chatwoot(answer)
        return inbox

    def _read(self, answer: Answer) -> dict[str, Any]:
        """The JSON object of a success. Raises what the diagnosis makes of anything else."""
        if not answer.is_success or answer.media_type == "text/html":
            raise self._diagnosis.refusal(answer)
        try:
            body = answer.json
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise self._diagnosis.not_chatwoot(answer)
        return body


def _records(body: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The rows of a list that have an id."""
    return [row for row in rows(body, key) if number(row, "id")]


def _membership(row: Mapping[str, Any]) -> Membership:
    status = text(row, "status") or "active"
    return Membership(number(row, "id"), text(row, "name"), text(row, "role"), status)


def _inbox(row: Mapping[str, Any]) -> Inbox:
    return Inbox(
        id=number(row, "id"),
        name=text(row, "name"),
        marker=text(row, "additional_attributes", MARKER),
        secret=Secret(text(row, "secret")),
        webhook_url=text(row, "webhook_url"),
        surveys=row.get("csat_survey_enabled") is True,
    )
