"""What all of routing's calls share: one inbox, no waiting, and reading what is refused.

Sources: docs/contracts/chatwoot.md, Answers and Limits.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from bridge.chatwoot import events
from bridge.chatwoot.diagnosis import body_of, is_missing_record, own_words, retry_after_s
from bridge.chatwoot.refusals import (
    ConversationFlooded,
    FileTooLarge,
    PhoneTaken,
    RecordGoing,
    SourceTaken,
)
from bridge.chatwoot.transport import Timekeeper, Transport
from bridge.domain.errors import BridgeError, ChatwootRejects, InboxGone
from bridge.net.deadline import Deadline
from bridge.net.http import Answer, Http

#: How a refused record is told in POST messages: Rails' sentence, which Chatwoot leaves in English
#: and other installations may translate. An unknown translation counts as passing trouble.
VALIDATION = (
    "Validation failed:",
    "A validação falhou:",
    "La validación falló:",
    "La validation a échoué",
    "Validazione fallita:",
    "Gültigkeitsprüfung ist fehlgeschlagen:",
)
_TAKEN = re.compile(r"taken|should be unique|já está em uso|ya está en uso", re.IGNORECASE)
#: Ruby's words for half of a record: the contact or the conversation is just being deleted.
_STUMBLED = re.compile(r"undefined method .* for nil")
#: How long such a deletion takes, in seconds.
_GOING_S = 1.0


class InboxCalls(Transport):
    """Calls about one inbox. Never waits for a throttled Chatwoot: the router has other lanes."""

    def __init__(
        self,
        http: Http,
        base_url: str,
        *,
        clocks: Timekeeper,
        deadline: Deadline,
        token: str,
        account_id: int,
        inbox_id: int,
        wait: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`wait` returns when the base URL may be called again (Limits)."""
        super().__init__(
            http, base_url, clocks=clocks, deadline=deadline, token=token, account_id=account_id
        )
        self._inbox_id, self._wait = inbox_id, wait

    # -- underneath --------------------------------------------------------------------------------

    def _send(self, method: str, path: str, body: object = None, **more: Any) -> Answer:
        self._wait(self._base_url)
        return super()._send(method, path, body, **more)

    def _id(self, row: Mapping[str, Any], answer: Answer) -> int:
        found = events.number(row.get("id"))
        if not found:
            raise self._diagnosis.in_front(answer)
        return found

    def _expect(
        self, answer: Answer, gone: type[BridgeError], *, taken: type[BridgeError] | None = None
    ) -> None:
        """Raises what the answer means when it is no success; `gone` for a record that Chatwoot
        no longer has, `taken` for one that it has already."""
        error = self._failure(answer, gone, taken)
        if error is not None:
            raise error

    def _read(self, answer: Answer) -> Any:
        """The JSON of a success. Raises what anything else means."""
        error = self._failure(answer, None, None)
        if error is not None:
            raise error
        if answer.media_type == "text/html":
            raise self._diagnosis.in_front(answer)
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            raise self._diagnosis.in_front(answer) from None

    def _rows(self, answer: Answer, *keys: str) -> list[dict[str, Any]]:
        """The rows of a list that a success holds under these keys. Raises what anything else
        means: JSON of somebody else must not be taken for an empty list."""
        said = self._read(answer)
        for key in keys[:-1]:
            said = as_dict(said, key)
        if not isinstance(said, dict) or not isinstance(said.get(keys[-1]), list):
            raise self._diagnosis.in_front(answer)
        return rows_of(said, keys[-1])

    def _failure(
        self, answer: Answer, gone: type[BridgeError] | None, taken: type[BridgeError] | None
    ) -> BridgeError | None:
        """THE judgement of an answer (docs/contracts/chatwoot.md, Answers): a status says nothing
        about whether something was stored, and only Chatwoot's own words are a verdict."""
        status, said = answer.status, own_words(answer)
        if 200 <= status < 300:
            return None
        if status == 413:  # mostly a proxy's word, and a verdict on the size all the same
            return FileTooLarge(detail=self._diagnosis.cause(answer))
        if status == 429:
            return self._diagnosis.refusal(answer)
        if not said:
            return self._diagnosis.in_front(answer, began=self._began)
        if status in {401, 403}:
            return self._denied(answer)
        if is_missing_record(answer) and gone is not None:
            return self._gone(answer, gone)
        if status == 422 and answer.changes:
            return self._refused(answer, said, taken)
        return self._diagnosis.failing(answer)

    def _denied(self, answer: Answer) -> BridgeError:
        """A denial holds the whole integration, so the inbox is asked for first: where that is
        shown, it was about this one request."""
        path = self._path("inboxes", self._inbox_id)
        if not answer.url.endswith(path):
            asked = super()._send("GET", path)
            if 200 <= asked.status < 300 and "id" in body_of(asked):
                return self._diagnosis.failing(answer)
            if asked.status not in {401, 403, 404}:
                return self._failure(asked, None, None) or self._diagnosis.failing(answer)
        return self._diagnosis.refusal(answer)

    def _gone(self, answer: Answer, gone: type[BridgeError]) -> BridgeError:
        """A 404 names what is gone only after the inbox was asked for: without it everything else
        of it is missing too."""
        cause = self._diagnosis.cause(answer)
        asked = super()._send("GET", self._path("inboxes", self._inbox_id))
        if is_missing_record(asked):
            return InboxGone(detail=cause, inbox_id=self._inbox_id, account_id=self._account_id)
        error = self._failure(asked, None, None)
        if error is not None:
            return error
        if gone is InboxGone:
            return self._diagnosis.failing(answer)
        return gone(detail=cause)

    def _refused(
        self, answer: Answer, said: Mapping[str, Any], taken: type[BridgeError] | None
    ) -> BridgeError:
        """What a 422 means. With `attributes`, or as a validation, Chatwoot speaks of what it was
        sent, and has stored nothing; any other text is trouble of its own, which passes."""
        text = str(said.get("error") or said.get("message") or "")
        attributes = said.get("attributes")
        named = set(map(str, attributes)) if isinstance(attributes, list) else set()
        is_verdict = bool(named) or text.startswith(VALIDATION)
        if not is_verdict:
            if taken is SourceTaken and _TAKEN.search(text) and "source_id" in text:
                return SourceTaken(detail=self._diagnosis.cause(answer))
            if _STUMBLED.search(text):
                return self._diagnosis.failing(answer, RecordGoing, retry_after_s=_GOING_S)
            return self._diagnosis.failing(answer)
        cause = self._diagnosis.cause(answer)
        if "Too many messages" in text:
            return ConversationFlooded(
                detail=cause, base_url=self._base_url, retry_after_s=retry_after_s(answer)
            )
        if "must exist" in text:
            return self._diagnosis.failing(answer, RecordGoing, retry_after_s=_GOING_S)
        if taken is PhoneTaken and named & {"phone_number", "identifier"}:
            return PhoneTaken(detail=cause)
        if taken is not None and _TAKEN.search(text):
            return taken(detail=cause)
        return ChatwootRejects(detail=cause)


def is_no_route(answer: Answer) -> bool:
    """Chatwoot's router knows no such route: this version does not have it."""
    said = own_words(answer)
    return answer.status == 404 and said.get("status") == 404 and said.get("error") == "Not Found"


def as_dict(value: object, *keys: str) -> dict[str, Any]:
    """What lies under some keys of nested objects, empty when it is no object."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def rows_of(value: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = value.get(key)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
