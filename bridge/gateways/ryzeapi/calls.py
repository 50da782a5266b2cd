"""Calls to one instance at RyzeAPI, and what their failures mean.

Sources: docs/contracts/ryzeapi.md, Tokens, Envelopes, Answers and Uncertain sends. The token goes
out in the header `token` and shows up in no error.
"""

import contextlib
import email.utils
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
    MediaNotReady,
    MediaTooLarge,
)
from bridge.gateways.base64_files import JsonWithFile
from bridge.gateways.fields import Fields
from bridge.net.deadline import Deadline
from bridge.net.http import Answer, AnswerTooLarge, CallFailed, Http

_MAX_REASON = 300
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


@dataclass(frozen=True, slots=True)
class Calls:
    """One instance: where it is and how it is called."""

    instance: str
    config: GatewayConfig
    http: Http

    def get(self, path: str, *, deadline: Deadline, **query: str) -> Fields:
        """Asks for something. Raises GatewayError; nothing is ever uncertain about it."""
        url = self.url(path) + ("?" + urlencode(query) if query else "")
        with self._naming_failures(is_harmless=True):
            answer = self.http.call("GET", url, headers=self.headers(), deadline=deadline)
        return self._read(answer, deadline, is_harmless=True)

    def save(
        self, path: str, to: Path, *, max_bytes: int, deadline: Deadline, **query: str
    ) -> None:
        """A large answer, saved as a file. Raises AnswerTooLarge, GatewayError."""
        url = self.url(path) + "?" + urlencode(query)
        with self._naming_failures(is_harmless=True, is_download=True):
            answer = self.http.call(
                "GET",
                url,
                headers=self.headers(),
                deadline=deadline,
                save_to=to,
                max_bytes=max_bytes,
            )
        if not _is_success(answer):
            raise self.refusal(answer, deadline, is_harmless=True)

    def change(
        self, path: str, body: Mapping[str, Any], *, deadline: Deadline, method: str = "POST"
    ) -> Fields:
        """Does something that may be done twice without harm; so no failure is uncertain."""
        with self._naming_failures(is_harmless=True):
            answer = self.http.call(
                method, self.url(path), headers=self.headers(), json=dict(body), deadline=deadline
            )
        return self._read(answer, deadline, is_harmless=True)

    def send(
        self, path: str, body: Mapping[str, Any] | JsonWithFile, *, deadline: Deadline
    ) -> Fields:
        """Does something that must not be done twice (docs/contracts/ryzeapi.md, Uncertain
        sends)."""
        with self._naming_failures(is_harmless=False):
            answer = self.http.call(
                "POST",
                self.url(path),
                headers=self.headers() | {"Content-Type": "application/json"},
                json=None if isinstance(body, JsonWithFile) else dict(body),
                data=body if isinstance(body, JsonWithFile) else None,
                deadline=deadline,
                # The gateway uploads a file to WhatsApp before it answers.
                read_s=deadline.remaining(),
            )
        return self._read(answer, deadline, is_harmless=False)

    def url(self, path: str) -> str:
        """The address of a route; `:instance` in it becomes our instance."""
        name = quote(self.instance, safe="")
        return self.config.base_url.rstrip("/") + path.replace(":instance", name)

    def headers(self) -> dict[str, str]:
        """Who calls."""
        return {"token": str(self.config.token), "Accept": "application/json"}

    def denies(self, reason: str) -> GatewayDenies:
        """The address, the instance or the token is wrong."""
        return GatewayDenies(base_url=self.config.base_url, reason=self._bounded(reason))

    def unavailable(self, reason: str, retry_after_s: float = 0.0) -> GatewayUnavailable:
        """Nothing was done, and it may be tried again."""
        return GatewayUnavailable(
            base_url=self.config.base_url,
            reason=self._bounded(reason),
            retry_after_s=retry_after_s,
        )

    def refuses(self, reason: str) -> GatewayRefuses:
        """Nothing was done, and the same would be refused again."""
        return GatewayRefuses(base_url=self.config.base_url, reason=self._bounded(reason))

    def file_not_yet(self, reason: str) -> MediaNotReady:
        """It answers, and does not have the file."""
        return MediaNotReady(base_url=self.config.base_url, reason=self._bounded(reason))

    def file_too_large(self, reason: str) -> MediaTooLarge:
        """The file is larger than we take."""
        return MediaTooLarge(base_url=self.config.base_url, reason=self._bounded(reason))

    def failed(self, detail: str) -> GatewayError:
        """It answered, and what was asked for is not so."""
        return GatewayError(base_url=self.config.base_url, detail=self._bounded(detail))

    def uncertain(self, detail: str) -> GatewayUncertain:
        """It may have been done."""
        return GatewayUncertain(base_url=self.config.base_url, detail=self._bounded(detail))

    @contextlib.contextmanager
    def _naming_failures(self, *, is_harmless: bool, is_download: bool = False) -> Iterator[None]:
        """CallFailed as the error that says what to do next."""
        try:
            yield
        except CallFailed as failure:
            if isinstance(failure, AnswerTooLarge) and is_download:
                raise
            if failure.blocked:
                raise self.denies(failure.cause) from failure
            if failure.sent and not is_harmless:
                raise self.uncertain(failure.cause) from failure
            raise self.unavailable(failure.cause) from failure

    def own_instance(self, *, deadline: Deadline) -> Fields:
        """Our instance as the gateway lists it. Raises GatewayDenies when it does
        not, and GatewayError."""
        answer = self.get(INSTANCES, deadline=deadline, instanceName=self.instance)
        for one in map(Fields, answer.items("instances")):
            if one.text("name") == self.instance:
                return one
        raise self.denies("Instance not found")

    def refusal(self, answer: Answer, deadline: Deadline, *, is_harmless: bool) -> GatewayError:
        """THE judgement of an answer other than a success: only the gateway's own words are a
        verdict (docs/contracts/ryzeapi.md, Answers); anything else is somebody's in front of it."""
        status, said = answer.status, _said(answer)
        reason = said or f"HTTP {status}"
        if status == 429:
            return self.unavailable(reason, _wait_s(answer))
        # The guide lists a lost connection under 400 as well; every table says 503.
        if said and (status == 503 or (status == 400 and _NOT_CONNECTED.search(said))):
            return self.unavailable(reason, _wait_s(answer))
        if status >= 500 and not (said and status == 501) or status == 408:
            if is_harmless:
                return self.unavailable(reason, _wait_s(answer))
            return self.uncertain(f"HTTP {status}: {said}" if said else reason)
        if status == 413:  # mostly a proxy's word, and a verdict on the size all the same
            return self.refuses(reason)
        if not said or 300 <= status < 400:
            return self._fronted(answer)
        if status in (401, 403) or (status == 404 and not _ABOUT_ONE.search(said)):
            return self._denied(answer, reason, deadline)
        return self.refuses(reason)

    def _denied(self, answer: Answer, reason: str, deadline: Deadline) -> GatewayError:
        """A denial holds everything of the instance, so the instance is asked for first: where it
        is shown, the denial was about this one request, and passes."""
        if urlsplit(answer.url).path.endswith(INSTANCES):
            return self.denies(reason)
        try:
            self.own_instance(deadline=deadline)
        except GatewayError as error:
            return self.denies(reason) if isinstance(error, GatewayDenies) else error
        return self.unavailable(reason)

    def _fronted(self, answer: Answer) -> GatewayFronted:
        where = answer.headers.get("location", "").partition("?")[0]
        reason = f"HTTP {answer.status}" + (f", to {where}" if where else "")
        return GatewayFronted(
            base_url=self.config.base_url,
            reason=self._bounded(reason),
            retry_after_s=_wait_s(answer),
        )

    def _read(self, answer: Answer, deadline: Deadline, *, is_harmless: bool) -> Fields:
        if not _is_success(answer):
            raise self.refusal(answer, deadline, is_harmless=is_harmless)
        said = _json(answer)
        if said and said.flag("success") is not False:
            return said
        reason = _said(answer) or f"HTTP {answer.status} with an answer that is not the gateway's"
        raise self.unavailable(reason) if is_harmless else self.uncertain(reason)

    def _bounded(self, text: str) -> str:
        token = str(self.config.token)
        masked = text.replace(token, "***") if token else text
        return " ".join(masked.split())[:_MAX_REASON]


def _is_success(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def _json(answer: Answer) -> Fields:
    try:
        return Fields(json.loads(answer.body))
    except (ValueError, RecursionError):
        return Fields(None)


def _said(answer: Answer) -> str:
    """The gateway's own sentence, empty when the answer is not in its envelope."""
    said = _json(answer)
    if answer.media_type == "text/html" or said.flag("success") is not False:
        return ""
    return said.part("error").text("message") or said.text("error", "message")


def _wait_s(answer: Answer) -> float:
    """How long to leave it alone: until `X-RateLimit-Reset`, told by the gateway's own clock.

    Of a gateway without a clock it is only known that it counts by the minute
    (docs/contracts/ryzeapi.md, Limits).
    """
    told = answer.headers.get("retry-after", "")
    if told.isdigit():
        return min(float(told), _MAX_WAIT_S)
    reset = answer.headers.get("x-ratelimit-reset", "")
    if answer.status != 429 or not reset.isdigit():
        return 0.0
    try:
        now = email.utils.parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except ValueError:
        return 60.0
    return min(max(float(reset[:15]) - now, 0.0), _MAX_WAIT_S)
