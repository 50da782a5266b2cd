"""Calls to one Chatwoot installation with one token, under one deadline.

Sources: chatwoot.md sections 1 and 2. The token goes out as `api-access-token`: proxies drop header
names with underscores (section 1).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.chatwoot.diagnosis import Diagnosis
from bridge.deadline import Deadline
from bridge.errors import InboxGone
from bridge.http import Answer, CallFailed, Http
from bridge.models import Account, Secret, TokenOwner

#: Where an inbox carries the id of the integration that it was made for.
MARKER = "chatwoot_bridge_integration"
_API_CHANNEL = "Channel::Api"
_THROTTLE_FIRST_S = 1.0
_THROTTLE_MOST_S = 8.0


@dataclass(frozen=True, slots=True)
class InboxWish:
    """How an inbox should be (chatwoot.md section 2, `POST inboxes`)."""

    name: str
    webhook_url: str
    lock_to_single_conversation: bool
    marker: str


@dataclass(frozen=True, slots=True)
class Inbox:
    """An API inbox as Chatwoot has it. `secret` is empty before Chatwoot 4.13.0 (section 7.6)."""

    id: int
    name: str
    marker: str
    secret: Secret


class Chatwoot:
    """Raises the errors of `bridge.chatwoot.diagnosis`; nothing else leaves this class."""

    def __init__(
        self,
        http: Http,
        base_url: str,
        *,
        deadline: Deadline,
        token: str = "",
        account_id: int | None = None,
    ) -> None:
        self._http, self._base_url, self._deadline = http, base_url, deadline
        self._token, self._account_id = token, account_id
        self._diagnosis = Diagnosis(base_url, account_id, token)

    def version(self) -> str:
        """The version that answers at the address (section 1, `GET /api`, no token needed)."""
        answer = self._send("GET", "/api", anonymous=True)
        said = self._read(answer)
        version = said.get("version") if isinstance(said, dict) else None
        if not isinstance(version, str) or not version[:1].isdigit():
            raise self._diagnosis.not_chatwoot(answer)
        return version[:40]

    def owner(self) -> TokenOwner:
        """Whose token it is (section 1, `GET /api/v1/profile`)."""
        answer = self._send("GET", "/api/v1/profile")
        said = self._read(answer)
        if not isinstance(said, dict) or not isinstance(said.get("accounts"), list):
            raise self._diagnosis.not_chatwoot(answer)
        name = said.get("available_name") or said.get("name") or said.get("email") or ""
        accounts = [_account(row) for row in said["accounts"] if isinstance(row, dict)]
        return TokenOwner(str(name), str(said.get("email") or ""), tuple(filter(None, accounts)))

    def require_administrator(self, owner: TokenOwner) -> None:
        """Raises when the owner may not make inboxes in the account (`accounts[].role`)."""
        account = owner.account(self._account_id or 0)
        if account is not None and account.role != "administrator":
            url = f"{self._base_url}/api/v1/profile"
            raise self._diagnosis.not_administrator(url, account.role)

    def inboxes(self) -> list[Inbox]:
        """The account's API inboxes, oldest first.

        Proves on the way that the account exists and that the token's owner belongs to it: this
        call tells the two apart, while the account's own address does not (section 1).
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

    def create_inbox(self, wish: InboxWish) -> Inbox:
        """A new API inbox that carries our marker."""
        channel = {
            "type": "api",
            "webhook_url": wish.webhook_url,
            "additional_attributes": {MARKER: wish.marker},
        }
        answer = self._send("POST", self._path("inboxes"), {**_outside(wish), "channel": channel})
        return self._inbox_of(answer)

    def update_inbox(self, inbox_id: int, wish: InboxWish) -> Inbox:
        """The inbox with its name, webhook and lock as wished. Raises InboxGone."""
        body = {**_outside(wish), "channel": {"webhook_url": wish.webhook_url}}
        return self._one_inbox("PATCH", self._path("inboxes", inbox_id), inbox_id, body)

    def unlink_inbox(self, inbox_id: int) -> None:
        """Takes the webhook off the inbox; the inbox and its conversations stay."""
        body = {"channel": {"webhook_url": ""}}
        self._one_inbox("PATCH", self._path("inboxes", inbox_id), inbox_id, body)

    def delete_inbox(self, inbox_id: int) -> None:
        """Removes an inbox; Chatwoot does so a little later (section 2)."""
        self._read(self._send("DELETE", self._path("inboxes", inbox_id)))

    # -- underneath --------------------------------------------------------------------------------

    def _path(self, *parts: object) -> str:
        return "/".join(["/api/v1/accounts", str(self._account_id), *map(str, parts)])

    def _one_inbox(self, method: str, path: str, inbox_id: int, body: object = None) -> Inbox:
        answer = self._send(method, path, body)
        if answer.status == 404 and answer.media_type == "application/json":
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

    def _send(
        self, method: str, path: str, body: object = None, *, anonymous: bool = False
    ) -> Answer:
        headers = {"Accept": "application/json", "User-Agent": "chatwoot-bridge"}
        if not anonymous:
            headers["api-access-token"] = self._token
        wait_s = _THROTTLE_FIRST_S
        while True:
            try:
                answer = self._http.call(
                    method,
                    self._base_url + path,
                    deadline=self._deadline,
                    headers=headers,
                    json=body,
                )
            except CallFailed as failure:
                raise self._diagnosis.no_answer(failure) from None
            # Chatwoot names no time to wait; its windows end with the minute (section 9).
            if answer.status != 429 or not self._deadline.pause(wait_s):
                return answer
            wait_s = min(2 * wait_s, _THROTTLE_MOST_S)

    def _read(self, answer: Answer) -> Any:
        """The JSON of a success. Raises what the diagnosis makes of anything else."""
        if not 200 <= answer.status < 300 or answer.media_type == "text/html":
            raise self._diagnosis.refusal(answer)
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            raise self._diagnosis.not_chatwoot(answer) from None


def _outside(wish: InboxWish) -> dict[str, object]:
    return {
        "name": wish.name,
        "lock_to_single_conversation": wish.lock_to_single_conversation,
    }


def _account(row: Mapping[str, Any]) -> Account | None:
    if not isinstance(row.get("id"), int):
        return None
    name, role, status = (str(row.get(key) or "") for key in ("name", "role", "status"))
    return Account(row["id"], name, role, status or "active")


def _inbox(row: Mapping[str, Any]) -> Inbox | None:
    if not isinstance(row.get("id"), int):
        return None
    attributes = row.get("additional_attributes")
    marker = attributes.get(MARKER) if isinstance(attributes, dict) else None
    secret = Secret(row.get("secret") or "")
    return Inbox(row["id"], str(row.get("name") or ""), str(marker or ""), secret)
