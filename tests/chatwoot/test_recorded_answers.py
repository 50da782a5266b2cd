"""Every answer that a real Chatwoot gave to a call of ours, through the client that makes it.

Said again by a server on loopback: the good ones are read, and each other one is judged, also what
Chatwoot said while something failed inside it (docs/contracts/chatwoot.md, Answers).
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.chatwoot.account import Account, InboxSettings
from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.conversations import Conversation
from bridge.chatwoot.events import AgentMessage, Attachment
from bridge.chatwoot.messages import NewMessage
from bridge.chatwoot.refusals import (
    ContactGone,
    ConversationFlooded,
    ConversationGone,
    MessageGone,
    PhoneTaken,
    RecordGoing,
    SourceTaken,
)
from bridge.chatwoot.transport import Transport
from bridge.domain.errors import (
    AccessDenied,
    AccountSuspended,
    AccountUnknown,
    BotToken,
    BridgeError,
    ChatwootFailing,
    ChatwootRejects,
    ChatwootThrottles,
    ChatwootUnreachable,
    InboxGone,
    NotAdministrator,
    NotMember,
    TokenNotReceived,
    TokenRejected,
)
from bridge.domain.models import ChatwootTime
from bridge.net.deadline import Deadline
from bridge.net.http import Http
from bridge.routing.retry import judge
from tests.chatwoot.conftest import NoClocks
from tests.support.processes import free_port
from tests.support.replay import Replay, named, recorded, replaying

Row = dict[str, Any]

#: All but the calls that only the recording made.
ANSWERS, FAULTS = (
    [row for row in recorded(name) if row["call"] != "toggle_status"]
    for name in ("answers", "faults")
)
GOOD = [row for row in [*ANSWERS, *FAULTS] if 200 <= row["status"] < 300]
BAD = [row for row in ANSWERS if row["status"] >= 400]
FAILING = [row for row in FAULTS if not 200 <= row["status"] < 400 and row["call"] != "is_stored"]
KINDS = ["incoming", "outgoing", "activity", "template"]
INBOX_PATH = r"/inboxes/\d+$"
#: What only asks changes nothing, so that no doubt is left.
ASKING = {
    "contact", "conversation", "conversations", "conversations_of_contact", "find_contact_inbox",
    "find_contacts", "inbox", "inboxes", "messages", "owner", "search_contacts", "version",
}  # fmt: skip
#: Calls of the activation, which looks at the account itself; all others are routing's.
ACTIVATION = {
    "version",
    "owner",
    "inboxes",
    "inbox",
    "create_inbox",
    "update_inbox",
    "delete_inbox",
}


@pytest.fixture
def replay() -> Iterator[Replay]:
    with replaying() as started:
        yield started


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    path.write_bytes(b"PNG!")
    return path


Ask = Callable[..., Any]


@pytest.fixture
def ask(replay: Replay, file: Path) -> Ask:
    """Makes the call that a row answers. Numbers and texts are those of the answer."""

    def make(row: Row, base_url: str = "") -> Any:
        base_url = base_url or replay.base_url
        # A throttled activation waits as long as its deadline allows.
        http, deadline = Http(), Deadline(0.5 if row["status"] == 429 else 20)
        common: dict[str, Any] = {"token": "t", "account_id": 1}
        common |= {"clocks": NoClocks(), "deadline": deadline}
        paced = Transport(http, base_url, wait=lambda _: None, **common)
        routing = Chatwoot(paced, inbox_of(row))
        activation = Account(Transport(http, base_url, **common))
        return CALLS[row["call"]](routing, activation, row["answer"], file)

    return make


WISH = InboxSettings("WhatsApp", "https://bridge.example.com/hooks/x", False, "int_1")
FIRST = NewMessage(content="x", incoming=True, source_id="WAID:1")

CALLS: dict[str, Callable[[Chatwoot, Account, Any, Path], Any]] = {
    "version": lambda r, a, said, f: a.version(),
    "owner": lambda r, a, said, f: a.owner(),
    "inboxes": lambda r, a, said, f: a.inboxes(),
    "inbox": lambda r, a, said, f: a.inbox(1),
    "create_inbox": lambda r, a, said, f: a.create_inbox(WISH),
    "update_inbox": lambda r, a, said, f: a.update_inbox(1, WISH),
    "delete_inbox": lambda r, a, said, f: a.delete_inbox(1),
    "create_contact": lambda r, a, said, f: r.contacts.create(name="x", source_id="1"),
    "contact": lambda r, a, said, f: r.contacts.get(1),
    "update_contact": lambda r, a, said, f: r.contacts.update(1, name="x"),
    "find_contacts": lambda r, a, said, f: r.contacts.find_by_phone(column(said, "phone_number")),
    "search_contacts": lambda r, a, said, f: r.contacts.search(column(said, "identifier")[0]),
    "find_contact_inbox": lambda r, a, said, f: r.contacts.find_by_source("1"),
    "add_contact_inbox": lambda r, a, said, f: r.contacts.add_to_inbox(1, "1"),
    "create_conversation": lambda r, a, said, f: r.conversations.create(1, "1", "open", FIRST),
    "conversations": lambda r, a, said, f: r.conversations.of_source("1"),
    "conversation": lambda r, a, said, f: r.conversations.get(1),
    "stop_typing": lambda r, a, said, f: r.conversations.stop_typing(1),
    "post_message": lambda r, a, said, f: r.messages.post(1, "x", source_id="WAID:1"),
    "post_file": lambda r, a, said, f: r.messages.post_file(
        1, f, file_name="a.png", mime_type="image/png"
    ),
    "messages": lambda r, a, said, f: r.messages.latest(1),
    "set_status": lambda r, a, said, f: r.messages.set_status(1, 1, "delivered"),
    "delete_message": lambda r, a, said, f: r.messages.delete(1, 1),
    "retry_message": lambda r, a, said, f: r.messages.retry(1, 1),
    "upload": lambda r, a, said, f: r.files.upload(f, file_name="a.png", mime_type="image/png"),
}


def inbox_of(row: Row) -> int:
    said = row["answer"]
    return said.get("inbox_id", 1) if isinstance(said, dict) else 1


def column(said: Any, name: str) -> list[str]:
    """A field of all rows of an answer; something else where it has none."""
    rows = said.get("payload", []) if isinstance(said, dict) else []
    return [row[name] for row in rows if row[name]] or ["+5511999990000"]


# -- what is read ----------------------------------------------------------------------------------


@pytest.mark.parametrize("row", GOOD, ids=named(GOOD))
def test_each_success_is_read(replay: Replay, ask: Ask, row: Row) -> None:
    replay.say({"status": 200, "headers": {}, "answer": "PNG!"}, "/rails/")
    is_message = "message" in row["call"] or row["call"] == "post_file"
    replay.say(row, "/messages" if is_message else "v1/|/api$")
    if row["call"] == "create_conversation":  # asks for the message where the answer hides it
        replay.say({"status": 200, "headers": {}, "answer": {"payload": []}}, "/messages")
    found, said = ask(row), row["answer"]
    expected = READ[row["call"]](said)
    assert expected(found) if callable(expected) else found == expected


def conversation(said: Row, **more: int) -> Conversation:
    last = said["last_non_activity_message"] or {"id": 0, "created_at": 0}
    return Conversation(
        id=said["id"],
        status=said["status"],
        last_activity_at=ChatwootTime(float(said.get("last_activity_at") or said["timestamp"])),
        contact_id=said["meta"]["sender"]["id"],
        last_message_id=last["id"],
        last_message_at=ChatwootTime(float(last["created_at"])),
        inbox_id=said["inbox_id"],
        **more,
    )


def new_conversation(found: Conversation, said: Row) -> bool:
    return (found.id, found.status, found.contact_id, found.last_activity_at) == (
        said["id"],
        said["status"],
        said["meta"]["sender"]["id"],
        ChatwootTime(float(said.get("last_activity_at") or said["timestamp"])),
    )


def message(found: AgentMessage, said: Row) -> bool:
    attributes, sender = said["content_attributes"], said.get("sender") or {}
    files = sorted(said.get("attachments", []), key=lambda one: one["id"])
    assert [(one.id, one.url, one.size) for one in found.attachments] == [
        (one["id"], one["data_url"], one["file_size"]) for one in files
    ]
    assert (found.id, found.conversation_id, found.inbox_id) == (
        said["id"],
        said["conversation_id"],
        said["inbox_id"],
    )
    assert (found.type, found.content_type) == (KINDS[said["message_type"]], said["content_type"])
    assert (found.text, found.private) == (said["content"] or "", said["private"])
    assert (found.own_source_id, found.status) == (said["source_id"] or "", said["status"])
    assert found.deleted == attributes.get("deleted", False)
    assert found.external_error == (attributes.get("external_error") or "")
    assert found.in_reply_to_id == (attributes.get("in_reply_to") or 0)
    assert found.sender_name == (sender.get("available_name") or sender.get("name", ""))
    assert found.sender_type == sender.get("type", "")
    return found.created_at == ChatwootTime(float(said["created_at"]))


def messages(found: list[AgentMessage], said: Row) -> bool:
    rows = sorted(said["payload"], key=lambda row: row["id"])
    return len(found) == len(rows) and all(map(message, found, rows))


def person(found: Any, said: Row) -> bool:
    return (found.id, found.name, found.phone, found.identifier) == (
        said["id"],
        said["name"] or "",
        said["phone_number"] or "",
        said["identifier"] or "",
    )


def people(found: list[Any], rows: list[Row], key: str) -> bool:
    rows = [row for row in rows if row[key]]
    return len(found) == len(rows) and all(map(person, found, rows))


def inbox(found: Any, said: Row) -> bool:
    return (found.id, found.name, found.webhook_url, found.surveys, str(found.secret)) == (
        said["id"],
        said["name"],
        said.get("webhook_url") or "",
        said["csat_survey_enabled"],
        said.get("secret") or "",
    )


def inboxes(found: list[Any], said: Row) -> bool:
    rows = [row for row in said["payload"] if row["channel_type"] == "Channel::Api"]
    rows.sort(key=lambda row: row["id"])
    return len(found) == len(rows) and all(map(inbox, found, rows))


def owner(found: Any, said: Row) -> bool:
    assert (found.id, found.email, str(found.pubsub_token)) == (
        said["id"],
        said["email"],
        said["pubsub_token"],
    )
    return [(one.id, one.name, one.role, one.status) for one in found.accounts] == [
        (one["id"], one["name"], one["role"], one.get("status", "active"))
        for one in said["accounts"]
    ]


#: What a call makes of an answer: the value, or a question to it.
READ: dict[str, Callable[[Any], Any]] = {
    "version": lambda said: said["version"],
    "owner": lambda said: lambda found: owner(found, said),
    "inboxes": lambda said: lambda found: inboxes(found, said),
    "inbox": lambda said: lambda found: inbox(found, said),
    "create_inbox": lambda said: lambda found: inbox(found, said),
    "update_inbox": lambda said: lambda found: inbox(found, said),
    "delete_inbox": lambda said: None,
    "create_contact": lambda said: said["payload"]["contact"]["id"],
    "contact": lambda said: lambda found: person(found, said["payload"]),
    "update_contact": lambda said: lambda found: person(found, said["payload"]),
    "find_contacts": lambda said: lambda found: people(found, said["payload"], "phone_number"),
    "search_contacts": lambda said: lambda found: people(found, said["payload"], "identifier"),
    "find_contact_inbox": lambda said: said["id"],
    "add_contact_inbox": lambda said: None,
    "create_conversation": lambda said: lambda found: new_conversation(found, said),
    "conversations": lambda said: [conversation(row) for row in said["data"]["payload"]],
    "conversation": lambda said: conversation(said),
    "stop_typing": lambda said: None,
    "post_message": lambda said: said["id"],
    "post_file": lambda said: said["id"],
    "messages": lambda said: lambda found: messages(found, said),
    "set_status": lambda said: True,
    "delete_message": lambda said: None,
    "retry_message": lambda said: None,
    "upload": lambda said: (
        lambda found: (found.blob_id, found.file.url) == (said["blob_id"], said["file_url"])
    ),
}


# -- what is judged --------------------------------------------------------------------------------

#: Chatwoot's words in a refusal, and what they mean; the first that is found counts.
WORDS: list[tuple[str, type[BridgeError]]] = [
    ("Invalid Access Token", TokenRejected),
    ("You are not authorized to access this account", NotMember),
    ("You are not authorized to do this action", NotAdministrator),
    ("Account is suspended", AccountSuspended),
    ("not authorized for bots", BotToken),
    ("You need to sign in", TokenNotReceived),
    ("Too many messages", ConversationFlooded),
    ("must exist", RecordGoing),
    ("for nil", RecordGoing),
    ("source_id should be unique", SourceTaken),
    ("Phone number has already been taken", PhoneTaken),
    ("Identifier has already been taken", PhoneTaken),
    ("Validation failed", ChatwootRejects),
    ("'attributes'", ChatwootRejects),
    ("Retry later", ChatwootThrottles),
    ("'error'", ChatwootFailing),
]
#: What a 404 says is gone, once the inbox is known to be there.
GONE: dict[str, type[BridgeError]] = {
    "contact": ContactGone,
    "add_contact_inbox": ContactGone,
    "create_conversation": ContactGone,
    "conversation": ConversationGone,
    "post_message": ConversationGone,
    "set_status": MessageGone,
    "delete_message": MessageGone,
    "find_contact_inbox": ChatwootFailing,  # no record of ours is named
    "inbox": InboxGone,
    "inboxes": AccountUnknown,
}
HELD = (AccessDenied, TokenRejected, InboxGone)


def meant(row: Row) -> type[BridgeError]:
    """What an answer means while the inbox is shown."""
    said = str(row["answer"])
    if row["status"] == 404:
        return GONE[row["call"]]
    found = next(kind for words, kind in WORDS if words in said)
    # A denial of one request alone holds nothing: the inbox is shown.
    is_shown = row["call"] not in ACTIVATION
    return ChatwootFailing if is_shown and issubclass(found, HELD) else found


REFUSED = [
    row
    for row in BAD
    if not (row["call"] == "find_contact_inbox" and row["answer"] == "")
    and row["answer"] != {"status": 404, "error": "Not Found"}
]


@pytest.mark.parametrize("row", REFUSED, ids=named(REFUSED))
def test_each_refusal_is_judged_by_its_words(replay: Replay, ask: Ask, row: Row) -> None:
    replay.say(row)
    if row["call"] not in ACTIVATION:
        replay.say(shown_inbox(), INBOX_PATH)
    with pytest.raises(BridgeError) as caught:
        ask(row)
    assert type(caught.value) is meant(row)
    assert getattr(caught.value, "uncertain", False) == (
        isinstance(caught.value, ChatwootFailing) and row["call"] not in ASKING | ACTIVATION
    )


def shown_inbox() -> Row:
    return next(row for row in ANSWERS if row["call"] == "inbox" and row["status"] == 200)


def test_what_is_missing_is_no_error_where_it_was_asked_for(replay: Replay, ask: Ask) -> None:
    [empty] = [row for row in BAD if row["call"] == "find_contact_inbox" and row["answer"] == ""]
    replay.say(empty)
    assert ask(empty) is None


def test_a_version_without_receipts_says_so_by_its_router(replay: Replay, ask: Ask) -> None:
    [row] = [one for one in BAD if one["answer"] == {"status": 404, "error": "Not Found"}]
    replay.say(row)
    assert ask(row) is False


def failing_kind(row: Row) -> type[BridgeError]:
    """The kind of error that a fault inside Chatwoot has to become."""
    match row["status"]:
        case 0:
            return ChatwootUnreachable
        case 404:
            return InboxGone
        case 401:
            said = str(row["answer"])
            return next(kind for words, kind in WORDS if words in said)
        case 429:
            return ChatwootThrottles
    return ChatwootFailing


@pytest.mark.parametrize("row", FAILING, ids=named(FAILING))
def test_each_answer_of_a_failing_chatwoot_gets_the_verdict_that_loses_nothing(
    replay: Replay, ask: Ask, row: Row
) -> None:
    """No such answer ends a message, since the message may be stored or will be taken later."""
    replay.say(row)
    if row["status"] in {401, 404}:  # whoever is refused here is refused the inbox as well
        replay.say(row, INBOX_PATH)
    refused = "refused" in str(row["answer"]) and not row["status"]
    with pytest.raises(BridgeError) as caught:
        ask(row, f"http://127.0.0.1:{free_port()}") if refused else ask(row)
    error = caught.value
    assert type(error) is failing_kind(row)
    verdict = judge(error, 1, most_s=300, runs_on_s=45)
    assert not verdict.dead
    assert verdict.holds == (row["status"] in {401, 404})
    if row["call"] in ACTIVATION:
        return
    changes = row["call"] not in ASKING
    passing = row["status"] in {422, 500} or (row["status"] == 0 and not refused)
    assert verdict.doubtful == (changes and passing)
    if row["stored"]:
        assert verdict.doubtful, "it is there: it has to be looked for"
    # Only what was cut off may still be carried out; an answer of Chatwoot's own is the end of it.
    assert bool(getattr(error, "runs_on_since", 0)) == (row["status"] == 0 and not refused)
    if row["status"] == 429:
        assert 0 < verdict.at_least_s <= 60


def test_a_404_holds_the_integration_only_where_the_inbox_is_gone_too(
    replay: Replay, ask: Ask
) -> None:
    gone = [row for row in FAILING if row["status"] == 404 and row["call"] not in ACTIVATION]
    assert len(gone) > 3
    for row in gone:
        replay.say(row)
        replay.say(shown_inbox(), INBOX_PATH)
        with pytest.raises(BridgeError) as caught:
            ask(row)
        assert not isinstance(caught.value, InboxGone)
        assert not caught.value.holds


def test_bytes_that_are_not_in_the_storage_are_no_file(replay: Replay, ask: Ask) -> None:
    [bytes_gone] = [row for row in FAULTS if row["call"] == "is_stored" and row["status"] == 404]
    [redirect] = [row for row in FAULTS if row["call"] == "is_stored" and row["status"] == 302]
    replay.say(bytes_gone, "/disk/")
    replay.say(redirect, "/blobs/redirect/")
    transport = Transport(
        Http(),
        replay.base_url,
        clocks=NoClocks(),
        deadline=Deadline(10),
        token="t",
        account_id=1,
    )
    client = Chatwoot(transport, 1)
    url = f"{replay.base_url}/rails/active_storage/blobs/redirect/x/a.png"
    assert not client.files.is_stored(Attachment(url, size=4))
    replay.say({"status": 200, "headers": {}, "answer": "PNG!"}, "/disk/")
    assert client.files.is_stored(Attachment(url, size=4))
