"""Calls to one Chatwoot installation with one token, under one deadline.

Source: docs/contracts/chatwoot.md, Access. The token goes out as `api-access-token`: proxies drop
header names with underscores.
"""

import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from bridge.chatwoot.diagnosis import Diagnosis
from bridge.chatwoot.multipart import Multipart
from bridge.domain.models import Account, Secret, TokenOwner
from bridge.net.deadline import Deadline
from bridge.net.http import READ_S, Answer, CallFailed, Http


class Timekeeper(Protocol):
    """Learns the clock of each Chatwoot; `bridge.store.clocks.ChatwootClocks` is it."""

    def note(self, base_url: str, told: float, *, began: float, ended: float) -> None:
        """`told` is the second (UTC) that its clock showed at some moment of a call, which lasted
        from `began` to `ended` on the monotonic clock. Raises nothing."""


class Transport:
    """Raises the errors of `bridge.chatwoot.diagnosis`; nothing else leaves this class."""

    def __init__(
        self,
        http: Http,
        base_url: str,
        *,
        clocks: Timekeeper,
        deadline: Deadline,
        token: str = "",
        account_id: int | None = None,
    ) -> None:
        self._http, self._base_url, self._deadline = http, base_url, deadline
        self._clocks = clocks
        self._token, self._account_id = token, account_id
        self._diagnosis = Diagnosis(base_url, account_id, token)
        #: When the latest request began, in seconds of the monotonic clock.
        self._began = 0.0

    def owner(self) -> TokenOwner:
        """Whose token it is (`GET /api/v1/profile`)."""
        answer = self._send("GET", "/api/v1/profile")
        said = self._read(answer)
        if not isinstance(said, dict) or not isinstance(said.get("accounts"), list):
            raise self._diagnosis.not_chatwoot(answer)
        name = said.get("available_name") or said.get("name") or said.get("email") or ""
        accounts = [_account(row) for row in said["accounts"] if isinstance(row, dict)]
        return TokenOwner(
            str(name),
            str(said.get("email") or ""),
            tuple(filter(None, accounts)),
            said["id"] if isinstance(said.get("id"), int) else 0,
            Secret(said.get("pubsub_token") or ""),
        )

    # -- underneath --------------------------------------------------------------------------------

    def _path(self, *parts: object) -> str:
        return "/".join(["/api/v1/accounts", str(self._account_id), *map(str, parts)])

    def _pause(self, throttled: int) -> bool:
        """Whether a call is made again, after a wait; it was throttled so many times before."""
        return False

    def _send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        anonymous: bool = False,
        form: Multipart | None = None,
        read_s: float = READ_S,
    ) -> Answer:
        """One call and its answer. A POST always has a body: to one without Chatwoot answers 200
        and makes an empty message (docs/contracts/chatwoot.md, Messages)."""
        if method == "POST" and form is None and not body:
            raise ValueError(f"POST {path} without a body")
        headers = {"Accept": "application/json", "User-Agent": "chatwoot-bridge"}
        if not anonymous:
            headers["api-access-token"] = self._token
        if form is not None:
            headers["Content-Type"] = form.content_type
        throttled = 0
        while True:
            self._began = time.monotonic()
            try:
                answer = self._http.call(
                    method,
                    self._base_url + path,
                    deadline=self._deadline,
                    headers=headers,
                    json=body,
                    data=form,
                    read_s=read_s,
                )
            except CallFailed as failure:
                raise self._diagnosis.no_answer(failure, began=self._began) from None
            self._note_date(answer)
            if answer.status != 429 or not self._pause(throttled):
                return answer
            throttled += 1

    def _note_date(self, answer: Answer) -> None:
        """Learns what Chatwoot's clock shows. Pages of other things than Chatwoot, and answers out
        of a cache, say nothing of it."""
        if answer.media_type != "application/json" or "age" in answer.headers:
            return
        try:
            told = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
        except (TypeError, ValueError, OverflowError):
            return
        self._note_time(told)

    def _note_time(self, told: float) -> None:
        """What Chatwoot's clock showed during the latest call."""
        self._clocks.note(self._base_url, told, began=self._began, ended=time.monotonic())

    def _read(self, answer: Answer) -> Any:
        """The JSON of a success. Raises what the diagnosis makes of anything else."""
        if not 200 <= answer.status < 300 or answer.media_type == "text/html":
            raise self._diagnosis.refusal(answer)
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            raise self._diagnosis.not_chatwoot(answer) from None


def _account(row: Mapping[str, Any]) -> Account | None:
    if not isinstance(row.get("id"), int):
        return None
    name, role, status = (str(row.get(key) or "") for key in ("name", "role", "status"))
    return Account(row["id"], name, role, status or "active")
