"""What an answer of Chatwoot means for a message: its own words, or somebody else's; stored or not.

The bodies are those of a real Chatwoot with something failing inside it, and of what stands in
front of one.
"""

import json
from typing import Any

import pytest

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.refusals import (
    ConversationFlooded,
    ConversationGone,
    FileTooLarge,
    PhoneTaken,
    RecordGoing,
    SourceTaken,
)
from bridge.domain.errors import (
    AccessDenied,
    AccountSuspended,
    ApiNotEnabled,
    BridgeError,
    ChatwootFailing,
    ChatwootRejects,
    ChatwootThrottles,
    InboxGone,
    NotAdministrator,
    SomethingInFront,
    TokenNotReceived,
    TokenRejected,
)
from tests.chatwoot.conftest import PHONE, SOURCE, Desk

Chat = tuple[Chatwoot, int]

LOCK = "The request took too long to complete. Please try again."
LOCK_PT = "A solicitação demorou muito para ser concluída. Tente novamente."
DEADLOCK = "PG::TRDeadlockDetected: ERROR:  deadlock detected\nDETAIL:  Process 1 waits for ..."
OOM = "OOM command not allowed when used memory > 'maxmemory'. (redis://127.0.0.1:6379)"


def error(text: str) -> str:
    return json.dumps({"error": text})


def refused(message: str, *attributes: str) -> str:
    return json.dumps({"message": message, "attributes": attributes})


def caught(desk: Desk, chat: Chat, status: int, body: str, path: str = "messages") -> BridgeError:
    client, number = chat
    desk.sandbox.fault("refuse", status=status, body=body, path=path, times=2)
    with pytest.raises(BridgeError) as found:
        client.messages.post(number, "x", source_id="WAID:1")
    return found.value


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (422, error(LOCK)),
        (422, error(LOCK_PT)),
        (422, error(DEADLOCK)),
        (422, error(OOM)),
        (422, error("No space left on device - sendfile")),
        (422, error("Connection refused - connect(2) for 127.0.0.1:6379")),
        (500, '{"status":500,"error":"Internal Server Error"}'),
        (400, '{"status":400,"error":"Bad Request"}'),
        (404, '{"status":404,"error":"Not Found"}'),
    ],
)
def test_trouble_of_chatwoots_own_is_no_verdict_and_leaves_doubt(
    desk: Desk, chat: Chat, status: int, body: str
) -> None:
    found = caught(desk, chat, status, body)
    assert type(found) is ChatwootFailing
    assert found.uncertain
    assert not found.holds
    assert not found.runs_on_since  # Chatwoot has answered: a look may be believed at once


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<html>Please wait</html>"),
        (200, '{"id": 1'),
        (301, "<html>moved</html>"),
        (401, "<h1>Log in first</h1>"),
        (401, '{"message":"Unauthorized"}'),
        (403, "<html>Attention Required! | Cloudflare</html>"),
        (403, '{"message":"Forbidden","code":"waf"}'),
        (404, "<html>nginx</html>"),
        (404, '{"message":"no Route matched with those values"}'),
        (422, "<html>no</html>"),
        (422, '{"errors":{"content":["is odd"]}}'),
        (422, '["no"]'),
        (502, "<html>Bad Gateway</html>"),
        (503, '{"error":"no healthy upstream","path":"/api"}'),
        (525, "SSL handshake failed"),
    ],
)
def test_words_of_somebody_else_hold_nothing_and_end_nothing(
    desk: Desk, chat: Chat, status: int, body: str
) -> None:
    found = caught(desk, chat, status, body)
    assert type(found) is SomethingInFront
    assert found.uncertain
    assert not found.holds
    assert bool(found.runs_on_since) == (status in {502, 504})


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (422, refused("Content is too long", "content"), ChatwootRejects),
        (422, error("Validation failed: Content is odd"), ChatwootRejects),
        (422, error("A validação falhou: Conteúdo é longo demais"), ChatwootRejects),
        (422, error("Validation failed: Too many messages"), ConversationFlooded),
        (422, refused("Too many messages", "base"), ConversationFlooded),
        (422, refused("Contact must exist, Contact inbox must exist", "contact"), RecordGoing),
        (422, error("Validation failed: Conversation must exist"), RecordGoing),
        (422, error("undefined method `source_id' for nil"), RecordGoing),
        (422, error("undefined method `blocked?' for nil"), RecordGoing),
        (413, "<html>413 Request Entity Too Large</html>", FileTooLarge),
        (413, "", FileTooLarge),
        (429, "Retry later\n", ChatwootThrottles),
        (401, error("Invalid Access Token"), TokenRejected),
        (401, error("Account is suspended"), AccountSuspended),
        (401, error("You are not authorized to do this action"), NotAdministrator),
        (401, error("Você não está autorizado a acessar esta conta"), AccessDenied),
        (401, '{"errors":["Você precisa entrar ou se cadastrar."]}', TokenNotReceived),
        (403, error("API access is not enabled for this account"), ApiNotEnabled),
    ],
)
def test_chatwoots_own_words_are_told_apart(
    desk: Desk, chat: Chat, status: int, body: str, kind: type[BridgeError]
) -> None:
    assert type(caught(desk, chat, status, body, path="accounts")) is kind


@pytest.mark.parametrize("status", [401, 403])
def test_a_denial_of_one_request_holds_nothing(desk: Desk, chat: Chat, status: int) -> None:
    found = caught(desk, chat, status, error("You are not authorized to do this action"))
    assert type(found) is ChatwootFailing
    assert not found.holds


def test_only_a_refusal_of_the_token_or_the_account_holds_the_integration() -> None:
    held = {one for one in _all(BridgeError) if one.holds}
    assert {TokenRejected, AccountSuspended, NotAdministrator, InboxGone} <= held
    assert not {SomethingInFront, ChatwootFailing, ChatwootThrottles, ChatwootRejects} & held


def test_a_404_names_what_is_gone_only_after_the_inbox_was_asked_for(desk: Desk) -> None:
    client = desk.client()
    with pytest.raises(ConversationGone):
        client.messages.post(404, "x")
    with pytest.raises(InboxGone):
        desk.client(inbox_id=404).messages.post(404, "x")


def test_a_404_while_the_inbox_cannot_be_asked_for_says_nothing(desk: Desk) -> None:
    desk.sandbox.fault("refuse", status=503, path=f"inboxes/{desk.inbox_id}$")
    with pytest.raises(SomethingInFront):
        desk.client().messages.post(404, "x")


@pytest.mark.parametrize("kind", ["drop", "drop_after"])
def test_a_request_that_was_cut_off_may_still_be_acted_upon(
    desk: Desk, chat: Chat, kind: str
) -> None:
    client, number = chat
    desk.sandbox.fault(kind, path="messages", times=1)
    with pytest.raises(BridgeError) as found:
        client.messages.post(number, "x")
    assert getattr(found.value, "runs_on_since", 0.0) > 0


@pytest.mark.parametrize(
    "ask",
    [
        lambda client, number: client.messages.latest(number),
        lambda client, number: client.conversations.of_source(SOURCE),
        lambda client, number: client.contacts.find_by_phone([PHONE]),
        lambda client, number: client.contacts.find_by_source(SOURCE),
    ],
    ids=["messages", "conversations", "by phone", "by source"],
)
@pytest.mark.parametrize("status", [422, 500])
def test_an_error_of_a_look_is_never_a_verdict_nor_a_doubt(
    desk: Desk, chat: Chat, ask: Any, status: int
) -> None:
    client, number = chat
    body = error(LOCK) if status == 422 else '{"status":500,"error":"Internal Server Error"}'
    desk.sandbox.fault("refuse", status=status, body=body, times=1)
    with pytest.raises(ChatwootFailing) as found:
        ask(client, number)
    assert not found.value.uncertain


def test_a_record_that_is_there_already_is_told(desk: Desk, chat: Chat) -> None:
    client, _ = chat
    with pytest.raises(PhoneTaken):
        client.contacts.create(name="x", phone=PHONE, source_id="another")
    body = error("source_id should be unique")
    desk.sandbox.fault("refuse", status=422, body=body, path="conversations$", times=1)
    with pytest.raises(SourceTaken):
        client.conversations.create(1, SOURCE, "open")


def _all(kind: type[BridgeError]) -> list[type[BridgeError]]:
    return [kind, *(one for sub in kind.__subclasses__() for one in _all(sub))]
