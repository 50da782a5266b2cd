"""Calls to one instance at RyzeAPI, and what their failures mean.

Sources: docs/contracts/ryzeapi.md, Tokens, Envelopes, Answers and Uncertain sends. The token goes
out in the header `token` and shows up in no error.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from bridge.domain.models import GatewayConfig
from bridge.gateways.base import (
    GatewayDenies,
    GatewayError,
    GatewayFronted,
    GatewayRefuses,
    GatewayUnavailable,
    GatewayUncertain,
)
from bridge.gateways.base64_files import JsonWithFile
from bridge.gateways.failures import Failures
from bridge.gateways.fields import Fields
from bridge.net.deadline import Deadline
from bridge.net.http import Answer, AnswerTooLarge, CallFailed, Http

#: The longest that a gateway's wish to be left alone is believed, in seconds.
_MAX_WAIT_S = 3600.0
#: A 404 that is about one thing of an instance that is there (docs/contracts/ryzeapi.md, Not
#: found).
_ABOUT_ONE = re.compile(
    r"\b(message|number|media|participant|contact|whatsapp|webhook|configured)\b", re.IGNORECASE
)
#: Where the gateway lists the instances that a token may use.
INSTANCES = "/api/instance/list"
_NOT_CONNECTED = re.compile(r"not connected|disconnected", re.IGNORECASE)


class Calls:
    """One instance: where it is and how it is called."""

    def __init__(self, instance: str, config: GatewayConfig, http: Http) -> None:
        self._instance, self._config, self._http = instance, config, http
        self.failures = Failures(config)

    def get(self, path: str, *, deadline: Deadline, **query: str) -> Fields:
        """Asks for something. Raises GatewayError; nothing is ever uncertain about it."""
        answer = self._call("GET", path, deadline, query=query)
        return self._read(answer, deadline, is_harmless=True)

    def save(
        self, path: str, to: Path, *, max_bytes: int, deadline: Deadline, **query: str
    ) -> None:
        """Saves a large answer as a file. Raises AnswerTooLarge, GatewayError."""
        answer = self._call("GET", path, deadline, query=query, save_to=to, max_bytes=max_bytes)
        if not answer.is_success:
            raise self.refusal(answer, deadline, is_harmless=True)

    def change(
        self, path: str, body: Mapping[str, Any], *, deadline: Deadline, method: str = "POST"
    ) -> Fields:
        """Does something that may be done twice without harm; so no failure is uncertain."""
        answer = self._call(method, path, deadline, json=dict(body))
        return self._read(answer, deadline, is_harmless=True)

    def send(
        self, path: str, body: Mapping[str, Any] | JsonWithFile, *, deadline: Deadline
    ) -> Fields:
        """Does something that must not be done twice (docs/contracts/ryzeapi.md, Uncertain
        sends)."""
        content = {"data": body} if isinstance(body, JsonWithFile) else {"json": dict(body)}
        answer = self._call(
            "POST",
            path,
            deadline,
            is_harmless=False,
            # The gateway uploads a file to WhatsApp before it answers.
            read_s=deadline.remaining(),
            **content,
        )
        return self._read(answer, deadline, is_harmless=False)

    def url(self, path: str) -> str:
        """The address of a route; `:instance` in it becomes our instance."""
        name = quote(self._instance, safe="")
        return self._config.base_url.rstrip("/") + path.replace(":instance", name)

    @property
    def token(self) -> str:
        """What proves who calls."""
        return str(self._config.token)

    def own_instance(self, *, deadline: Deadline) -> Fields:
        """Our instance as the gateway lists it. Raises GatewayDenies when it does
        not, and GatewayError."""
        answer = self.get(INSTANCES, deadline=deadline, instanceName=self._instance)
        for instance in map(Fields, answer.items("instances")):
            if instance.text("name") == self._instance:
                return instance
        raise self.failures.of(GatewayDenies, "Instance not found")

    def refusal(self, answer: Answer, deadline: Deadline, *, is_harmless: bool) -> GatewayError:
        """THE judgement of an answer other than a success: only the gateway's own words are a
        verdict (docs/contracts/ryzeapi.md, Answers); anything else is somebody's in front of it."""
        status, message = answer.status, _message(answer)
        reason = message or f"HTTP {status}"
        wait_s = _wait_s(answer)
        # The guide lists a lost connection under 400 as well; every table says 503.
        is_lost = status == 503 or (status == 400 and _NOT_CONNECTED.search(message))
        if status == 429 or (message and is_lost):
            return self.failures.of(GatewayUnavailable, reason, retry_after_s=wait_s)
        if status >= 500 and not (message and status == 501) or status == 408:
            if is_harmless:
                return self.failures.of(GatewayUnavailable, reason, retry_after_s=wait_s)
            detail = f"HTTP {status}: {message}" if message else reason
            return self.failures.of(GatewayUncertain, detail)
        if status == 413:  # mostly a proxy's word, and a verdict on the size all the same
            return self.failures.of(GatewayRefuses, reason)
        if not message or 300 <= status < 400:
            target = answer.headers.get("location", "").partition("?")[0]
            reason = f"HTTP {status}" + (f", to {target}" if target else "")
            return self.failures.of(GatewayFronted, reason, retry_after_s=wait_s)
        if status in (401, 403) or (status == 404 and not _ABOUT_ONE.search(message)):
            return self._denied(answer, reason, deadline)
        return self.failures.of(GatewayRefuses, reason)

    def _denied(self, answer: Answer, reason: str, deadline: Deadline) -> GatewayError:
        """A denial holds everything of the instance, so the instance is asked for first: where it
        is shown, the denial was about this one request, and passes."""
        denial = self.failures.of(GatewayDenies, reason)
        if urlsplit(answer.url).path.endswith(INSTANCES):
            return denial
        try:
            self.own_instance(deadline=deadline)
        except GatewayError as error:
            return denial if isinstance(error, GatewayDenies) else error
        return self.failures.of(GatewayUnavailable, reason)

    def _call(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        query: Mapping[str, str] | None = None,
        is_harmless: bool = True,
        **options: Any,
    ) -> Answer:
        url = self.url(path) + (f"?{urlencode(query)}" if query else "")
        headers = {"token": self.token, "Accept": "application/json"}
        if method != "GET":
            headers["Content-Type"] = "application/json"
        try:
            return self._http.call(method, url, headers=headers, deadline=deadline, **options)
        except CallFailed as failure:
            if isinstance(failure, AnswerTooLarge) and "save_to" in options:
                raise
            raise self.failures.of_call(failure, is_harmless=is_harmless) from failure

    def _read(self, answer: Answer, deadline: Deadline, *, is_harmless: bool) -> Fields:
        if not answer.is_success:
            raise self.refusal(answer, deadline, is_harmless=is_harmless)
        body = Fields(answer.object)
        if body and body.flag("success") is not False:
            return body
        reason = f"HTTP {answer.status} with an answer that is not the gateway's"
        kind = GatewayUnavailable if is_harmless else GatewayUncertain
        raise self.failures.of(kind, _message(answer) or reason)


def _message(answer: Answer) -> str:
    """The gateway's own sentence, empty when the answer is not in its envelope."""
    body = Fields(answer.object)
    if answer.media_type == "text/html" or body.flag("success") is not False:
        return ""
    return body.part("error").text("message") or body.text("error", "message")


def _wait_s(answer: Answer) -> float:
    """How long to leave it alone: until `X-RateLimit-Reset`, told by the gateway's own clock.

    Of a gateway without a clock it is only known that it counts by the minute
    (docs/contracts/ryzeapi.md, Limits).
    """
    if answer.retry_after_s is not None:
        return min(answer.retry_after_s, _MAX_WAIT_S)
    reset = answer.headers.get("x-ratelimit-reset", "")
    if answer.status != 429 or not reset.isdigit():
        return 0.0
    if answer.date is None:
        return 60.0
    return min(max(float(reset[:15]) - answer.date, 0.0), _MAX_WAIT_S)
