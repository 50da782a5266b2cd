"""Calls to one Chatwoot installation with one token, under one deadline.

Source: docs/contracts/chatwoot.md, Access. The token goes out as `api-access-token`: proxies drop
header names with underscores.
"""

import time
from collections.abc import Callable
from typing import Protocol

from bridge.chatwoot.diagnosis import Diagnosis
from bridge.chatwoot.multipart import Multipart
from bridge.net.deadline import Deadline
from bridge.net.http import READ_S, Answer, CallFailed, Http

#: Pauses before a throttled call is repeated: Chatwoot names no time to wait, and its windows end
#: with the minute (docs/contracts/chatwoot.md, Limits).
_THROTTLE_FIRST_S = 1.0
_THROTTLE_MOST_S = 8.0


class Timekeeper(Protocol):
    """Learns the clock of each Chatwoot; `bridge.store.clocks.ChatwootClocks` is it."""

    def note(self, base_url: str, shown: float, *, began: float, ended: float) -> None:
        """`shown` is the second (UTC) that its clock showed at some moment of a call, which lasted
        from `began` to `ended` on the monotonic clock. Raises nothing."""


class Transport:
    """Sends requests; raises only the errors of `bridge.chatwoot.diagnosis`."""

    def __init__(
        self,
        http: Http,
        base_url: str,
        *,
        clocks: Timekeeper,
        deadline: Deadline,
        token: str = "",
        account_id: int | None = None,
        wait: Callable[[str], None] | None = None,
    ) -> None:
        """`wait` returns when the base URL may be called again (docs/contracts/chatwoot.md,
        Limits); a throttled answer is then returned at once, since the router has other lanes.
        Without `wait` a throttled call is repeated while the deadline allows."""
        self.http, self.base_url, self.deadline = http, base_url, deadline
        self.account_id = account_id
        self.diagnosis = Diagnosis(base_url, account_id, token)
        self._clocks, self._token, self._wait = clocks, token, wait

    def url(self, path: str) -> str:
        """The address of a path; one without a leading slash belongs to the account."""
        in_account = "" if path.startswith("/") else f"/api/v1/accounts/{self.account_id}/"
        return self.base_url + in_account + path

    def send(
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
        headers = {"Accept": "application/json"}
        if not anonymous:
            headers["api-access-token"] = self._token
        if form is not None:
            headers["Content-Type"] = form.content_type
        pause_s = _THROTTLE_FIRST_S
        while True:
            if self._wait is not None:
                self._wait(self.base_url)
            began = time.monotonic()
            try:
                answer = self.http.call(
                    method,
                    self.url(path),
                    deadline=self.deadline,
                    headers=headers,
                    json=body,
                    data=form,
                    read_s=read_s,
                )
            except CallFailed as failure:
                raise self.diagnosis.no_answer(failure, began=began) from None
            self._note_date(answer)
            if answer.status != 429 or self._wait is not None or not self.deadline.pause(pause_s):
                return answer
            pause_s = min(2 * pause_s, _THROTTLE_MOST_S)

    def note_time(self, answer: Answer, shown: float) -> None:
        """Chatwoot's clock showed that second (UTC) during the call."""
        self._clocks.note(self.base_url, shown, began=answer.began, ended=time.monotonic())

    def _note_date(self, answer: Answer) -> None:
        """Learns Chatwoot's clock. Pages of other programs, and cached answers, say nothing of
        it."""
        if answer.media_type != "application/json" or "age" in answer.headers:
            return
        if answer.date is not None:
            self.note_time(answer, answer.date)
