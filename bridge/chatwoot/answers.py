"""What all of routing's calls share: one inbox, and the judgement of what is answered.

Sources: docs/contracts/chatwoot.md, Answers and Limits.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from bridge.chatwoot.diagnosis import (
    Diagnosis,
    is_missing_record,
    own_words,
    retry_after_s,
)
from bridge.chatwoot.refusals import (
    ConversationFlooded,
    FileTooLarge,
    PhoneTaken,
    RecordGoing,
    SourceTaken,
)
from bridge.chatwoot.transport import Transport
from bridge.chatwoot.values import as_dict, at, number, rows
from bridge.domain.errors import BridgeError, ChatwootRejects, InboxGone
from bridge.net.http import Answer

#: How POST messages words a refused record: Rails' sentence, which Chatwoot leaves in English and
#: other installations may translate. An unknown translation counts as passing trouble.
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


class Meanings(TypedDict, total=False):
    """What to raise for a record that Chatwoot no longer has, or has already."""

    gone: type[BridgeError]
    taken: type[BridgeError]


@dataclass(frozen=True, slots=True)
class Body:
    """The JSON of a success. What lacks its parts is somebody else's: SomethingInFront."""

    value: Any
    answer: Answer
    diagnosis: Diagnosis

    def object(self, *keys: str) -> dict[str, Any]:
        """What lies under some keys of nested objects, empty when it is no object."""
        return as_dict(self.value, *keys)

    def rows(self, *keys: str) -> list[dict[str, Any]]:
        """The objects of the list under these keys. Raises SomethingInFront where there is no list:
        foreign JSON must not be taken for an empty one."""
        if not isinstance(at(self.value, *keys), list):
            raise self.diagnosis.in_front(self.answer)
        return rows(self.value, *keys)

    def id_of(self, row: Mapping[str, Any]) -> int:
        """The id of a row. Raises SomethingInFront where it has none."""
        row_id = number(row, "id")
        if not row_id:
            raise self.diagnosis.in_front(self.answer)
        return row_id


class InboxCalls:
    """Calls about one inbox, judged by what their answers say of it."""

    def __init__(self, transport: Transport, inbox_id: int) -> None:
        self.transport, self.inbox_id = transport, inbox_id
        self._diagnosis, self._inbox_path = transport.diagnosis, f"inboxes/{inbox_id}"

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        **meanings: Unpack[Meanings],
    ) -> Body:
        """One call and the JSON of its success; see `read`."""
        return self.read(self.transport.send(method, path, body), **meanings)

    def read(self, answer: Answer, **meanings: Unpack[Meanings]) -> Body:
        """The JSON of a success. Raises what anything else means."""
        self.require_success(answer, **meanings)
        if answer.media_type == "text/html":
            raise self._diagnosis.in_front(answer)
        try:
            return Body(answer.json, answer, self._diagnosis)
        except ValueError:
            raise self._diagnosis.in_front(answer) from None

    def require_success(self, answer: Answer, **meanings: Unpack[Meanings]) -> None:
        """As `read`, where the body of a success does not matter."""
        error = self._failure(answer, **meanings)
        if error is not None:
            raise error

    # -- judgement ---------------------------------------------------------------------------------

    def _failure(
        self,
        answer: Answer,
        gone: type[BridgeError] | None = None,
        taken: type[BridgeError] | None = None,
    ) -> BridgeError | None:
        """THE judgement of an answer (docs/contracts/chatwoot.md, Answers): a status says nothing
        about whether something was stored, and only Chatwoot's own words are a verdict."""
        status, words = answer.status, own_words(answer)
        if answer.is_success:
            return None
        if status == 413:  # mostly a proxy's word, and a verdict on the size all the same
            return FileTooLarge(detail=self._diagnosis.cause(answer))
        if status == 429:
            return self._diagnosis.refusal(answer)
        if not words:
            return self._diagnosis.in_front(answer)
        if status in {401, 403}:
            return self._denied(answer)
        if is_missing_record(answer) and gone is not None:
            return self._gone(answer, gone)
        if status == 422 and answer.changes:
            return self._refused(answer, words, taken)
        return self._diagnosis.failing(answer)

    def _denied(self, answer: Answer) -> BridgeError:
        """A denial holds the whole integration, so the inbox is asked for first: where that is
        shown, it was about this one request."""
        if answer.url == self.transport.url(self._inbox_path):
            return self._diagnosis.refusal(answer)
        inbox = self.transport.send("GET", self._inbox_path)
        if inbox.is_success and "id" in inbox.object:
            return self._diagnosis.failing(answer)
        if inbox.status not in {401, 403, 404}:
            return self._failure(inbox) or self._diagnosis.failing(answer)
        return self._diagnosis.refusal(answer)

    def _gone(self, answer: Answer, gone: type[BridgeError]) -> BridgeError:
        """A 404 names what is gone only after the inbox was asked for: without it everything else
        of it is missing too."""
        cause = self._diagnosis.cause(answer)
        inbox = self.transport.send("GET", self._inbox_path)
        if is_missing_record(inbox):
            account_id = self.transport.account_id
            return InboxGone(detail=cause, inbox_id=self.inbox_id, account_id=account_id)
        error = self._failure(inbox)
        if error is not None:
            return error
        if gone is InboxGone:
            return self._diagnosis.failing(answer)
        return gone(detail=cause)

    def _refused(
        self, answer: Answer, words: Mapping[str, Any], taken: type[BridgeError] | None
    ) -> BridgeError:
        """What a 422 means. With `attributes`, or as a validation, Chatwoot speaks of what it was
        sent, and has stored nothing; any other text is trouble of its own, which passes."""
        text = str(words.get("error") or words.get("message") or "")
        attributes = words.get("attributes")
        named = set(map(str, attributes)) if isinstance(attributes, list) else set()
        cause = self._diagnosis.cause(answer)
        going = self._diagnosis.failing(answer, RecordGoing, retry_after_s=_GOING_S)
        if not named and not text.startswith(VALIDATION):
            if taken is SourceTaken and _TAKEN.search(text) and "source_id" in text:
                return SourceTaken(detail=cause)
            return going if _STUMBLED.search(text) else self._diagnosis.failing(answer)
        if "Too many messages" in text:
            return ConversationFlooded(
                detail=cause,
                base_url=self.transport.base_url,
                retry_after_s=retry_after_s(answer),
            )
        if "must exist" in text:
            return going
        is_taken = _TAKEN.search(text) or (
            taken is PhoneTaken and named & {"phone_number", "identifier"}
        )
        return taken(detail=cause) if taken and is_taken else ChatwootRejects(detail=cause)


def is_no_route(answer: Answer) -> bool:
    """Chatwoot's router knows no such route: this version does not have it."""
    words = own_words(answer)
    return answer.status == 404 and words.get("status") == 404 and words.get("error") == "Not Found"
