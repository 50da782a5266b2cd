"""What activation asks of Chatwoot: who the token's owner is, and an inbox.

Sources: docs/contracts/chatwoot.md, Access and Inboxes.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.chatwoot.diagnosis import is_missing_record
from bridge.chatwoot.transport import Transport
from bridge.domain.errors import InboxGone
from bridge.domain.models import Secret, TokenOwner
from bridge.net.http import Answer

#: Where an inbox carries the id of the integration that it was made for.
MARKER = "chatwoot_bridge_integration"
_API_CHANNEL = "Channel::Api"
_THROTTLE_FIRST_S = 1.0
_THROTTLE_MOST_S = 8.0


@dataclass(frozen=True, slots=True)
class InboxWish:
    """How an inbox should be (docs/contracts/chatwoot.md, Inboxes, `POST inboxes`). `webhook_url`
    None leaves the one that is there."""

    name: str
    webhook_url: str | None
    lock_to_single_conversation: bool
    marker: str


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


class Chatwoot(Transport):
    """Waits for a throttled Chatwoot as long as the deadline allows."""

    def _pause(self, throttled: int) -> bool:
        # Chatwoot names no time to wait; its windows end with the minute
        # (docs/contracts/chatwoot.md, Limits).
        return self._deadline.pause(min(_THROTTLE_FIRST_S * 2**throttled, _THROTTLE_MOST_S))

    def version(self) -> str:
        """The version that answers at the address (`GET /api`, no token needed)."""
        answer = self._send("GET", "/api", anonymous=True)
        said = self._read(answer)
        version = said.get("version") if isinstance(said, dict) else None
        if not isinstance(version, str) or not version[:1].isdigit():
            raise self._diagnosis.not_chatwoot(answer)
        if "date" not in answer.headers:
            self._note_timestamp(said.get("timestamp"))
        return version[:40]

    def require_administrator(self, owner: TokenOwner) -> None:
        """Raises when the owner may not make inboxes in the account (`accounts[].role`)."""
        account = owner.account(self._account_id or 0)
        if account is not None and account.role != "administrator":
            url = f"{self._base_url}/api/v1/profile"
            raise self._diagnosis.not_administrator(url, account.role)

    def inboxes(self) -> list[Inbox]:
        """The account's API inboxes, oldest first.

        Proves on the way that the account exists and that the token's owner belongs to it: this
        call tells the two apart, while the account's own address does not.
        """
        answer = self._send("GET", self._path("inboxes"))
        said = self._read(answer)
        rows = said.get("payload") if isinstance(said, dict) else None
        if not isinstance(rows, list):
            raise self._diagnosis.not_chatwoot(answer)
        found = [
            _inbox(row)
            for row in rows
            if isinstance(row, dict) and row.get("channel_type") == _API_CHANNEL
        ]
        return sorted((one for one in found if one), key=lambda one: one.id)

    def inbox(self, inbox_id: int) -> Inbox:
        """One inbox. Raises InboxGone when Chatwoot no longer has it."""
        return self._one_inbox("GET", self._path("inboxes", inbox_id), inbox_id)

    def members(self, inbox_id: int) -> set[int]:
        """The ids of the users who are members of an inbox."""
        said = self._read(self._send("GET", self._path("inbox_members", inbox_id)))
        rows = said.get("payload") if isinstance(said, dict) else None
        return {
            row["id"]
            for row in (rows if isinstance(rows, list) else [])
            if isinstance(row, dict) and isinstance(row.get("id"), int)
        }

    def create_inbox(self, wish: InboxWish) -> Inbox:
        """A new API inbox that carries our marker."""
        channel = {
            "type": "api",
            "webhook_url": wish.webhook_url or "",
            "additional_attributes": {MARKER: wish.marker},
        }
        answer = self._send("POST", self._path("inboxes"), {**_outside(wish), "channel": channel})
        return self._inbox_of(answer)

    def update_inbox(self, inbox_id: int, wish: InboxWish) -> Inbox:
        """The inbox with its name, webhook and lock as wished. Raises InboxGone."""
        body = _outside(wish)
        if wish.webhook_url is not None:
            body["channel"] = {"webhook_url": wish.webhook_url}
        return self._one_inbox("PATCH", self._path("inboxes", inbox_id), inbox_id, body)

    def set_webhook(self, inbox_id: int, url: str) -> None:
        """Has the inbox call that address, or nobody. Raises InboxGone."""
        body = {"channel": {"webhook_url": url}}
        self._one_inbox("PATCH", self._path("inboxes", inbox_id), inbox_id, body)

    def delete_inbox(self, inbox_id: int) -> None:
        """Removes an inbox; Chatwoot does so a little later."""
        self._read(self._send("DELETE", self._path("inboxes", inbox_id)))

    # -- underneath --------------------------------------------------------------------------------

    def _note_timestamp(self, told: object) -> None:
        """Without a server in front of it Chatwoot sends no `Date`."""
        if isinstance(told, str):
            with contextlib.suppress(ValueError, OverflowError):
                self._note_time(datetime.fromisoformat(told).replace(tzinfo=UTC).timestamp())

    def _one_inbox(self, method: str, path: str, inbox_id: int, body: object = None) -> Inbox:
        answer = self._send(method, path, body)
        if is_missing_record(answer):
            raise InboxGone(
                detail=self._diagnosis.cause(answer),
                inbox_id=inbox_id,
                account_id=self._account_id,
            )
        return self._inbox_of(answer)

    def _inbox_of(self, answer: Answer) -> Inbox:
        said = self._read(answer)
        found = _inbox(said) if isinstance(said, dict) else None
        if found is None:
            raise self._diagnosis.not_chatwoot(answer)
        return found


def _outside(wish: InboxWish) -> dict[str, object]:
    return {
        "name": wish.name,
        "lock_to_single_conversation": wish.lock_to_single_conversation,
    }


def _inbox(row: Mapping[str, Any]) -> Inbox | None:
    if not isinstance(row.get("id"), int):
        return None
    attributes = row.get("additional_attributes")
    marker = attributes.get(MARKER) if isinstance(attributes, dict) else None
    secret = Secret(row.get("secret") or "")
    return Inbox(
        row["id"],
        str(row.get("name") or ""),
        str(marker or ""),
        secret,
        str(row.get("webhook_url") or ""),
        row.get("csat_survey_enabled") is True,
    )
