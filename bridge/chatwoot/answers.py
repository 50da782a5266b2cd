"""What all of routing's calls share: one inbox, no waiting, and reading what is refused.

Sources: chatwoot.md sections 1 (the shapes of refusals) and 9.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from bridge.chatwoot import events
from bridge.chatwoot.refusals import ConversationFlooded, PhoneTaken, SourceTaken
from bridge.chatwoot.transport import Transport
from bridge.deadline import Deadline
from bridge.errors import AccountUnknown, BridgeError, ChatwootNotFound
from bridge.http import Answer, Http

#: How long a conversation that took too many messages is left alone, in seconds.
_FLOOD_S = 10.0


class InboxCalls(Transport):
    """Calls about one inbox. Never waits for a throttled Chatwoot: the router has other lanes."""

    def __init__(
        self,
        http: Http,
        base_url: str,
        *,
        deadline: Deadline,
        token: str,
        account_id: int,
        inbox_id: int,
        wait: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`wait` returns when the base URL may be called again (section 9)."""
        super().__init__(http, base_url, deadline=deadline, token=token, account_id=account_id)
        self._inbox_id, self._wait = inbox_id, wait

    # -- underneath --------------------------------------------------------------------------------

    def _send(self, method: str, path: str, body: object = None, **more: Any) -> Answer:
        self._wait(self._base_url)
        return super()._send(method, path, body, **more)

    def _id(self, row: Mapping[str, Any], answer: Answer) -> int:
        found = events.number(row.get("id"))
        if not found:
            raise self._diagnosis.not_now(answer, uncertain=True)
        return found

    def _expect(
        self, answer: Answer, gone: type[BridgeError], *, taken: type[BridgeError] | None = None
    ) -> None:
        """Raises what a 404 or 422 means for this call, told by status and names, not by texts:
        those come in the account's language (section 1)."""
        if answer.status not in {404, 422}:
            return
        cause = self._diagnosis.cause(answer)
        if answer.status == 404 and is_missing_record(answer):
            raise gone(detail=cause, inbox_id=self._inbox_id, account_id=self._account_id)
        if answer.status != 422:
            return
        said = said_by(answer)
        if "Too many messages" in str(said.get("error") or said.get("message")):
            raise ConversationFlooded(detail=cause, base_url=self._base_url, retry_after_s=_FLOOD_S)
        attributes = said.get("attributes")
        named = set(map(str, attributes)) if isinstance(attributes, list) else set()
        if taken is PhoneTaken and named & {"phone_number", "identifier"}:
            raise PhoneTaken(detail=cause)
        if taken is SourceTaken and "source_id" in str(said.get("error")):
            raise SourceTaken(detail=cause)

    def _read(self, answer: Answer) -> Any:
        """As in general, but what cannot be Chatwoot's answer passes: it has been here before."""
        try:
            return super()._read(answer)
        except ChatwootNotFound as error:
            if isinstance(error, AccountUnknown):
                raise
            passed = 200 <= answer.status < 300 and answer.method != "GET"
            raise self._diagnosis.not_now(answer, uncertain=passed) from None


def said_by(answer: Answer) -> dict[str, Any]:
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def is_missing_record(answer: Answer) -> bool:
    """Chatwoot's own 404, not one of its router or of a proxy (section 1)."""
    return said_by(answer).get("error") == "Resource could not be found"


def is_no_route(answer: Answer) -> bool:
    """Chatwoot's router knows no such route: this version does not have it."""
    said = said_by(answer)
    return answer.status == 404 and said.get("status") == 404 and said.get("error") == "Not Found"


def as_dict(value: object, *keys: str) -> dict[str, Any]:
    """What lies under some keys of nested objects, empty when it is no object."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def rows_of(value: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = value.get(key)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
