"""Every version people run: what each of them has, lacks and says, at the edges of the table."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.chatwoot.versions import Trait, fitted, has, parse_version
from tests.sandbox.conftest import Chatwoot, Receiver
from tests.support.processes import SandboxChatwoot

NEWEST = "99.1"


def route_status(method: str, path: str) -> Callable[[Chatwoot, Receiver], Any]:
    """Whether there is such a route: not the 404 of a path that does not exist."""

    def probe(chatwoot: Chatwoot, receiver: Receiver) -> bool:
        inbox_id, number = chatwoot.chat()
        message = chatwoot.say(number, "hello")["id"]
        given = path.format(inbox=inbox_id, number=number, message=message)
        answer = chatwoot(method, given, {"status": "delivered", "inbox_id": inbox_id})
        gone = {"status": 404, "error": "Not Found"}
        return not (answer.status_code == 404 and answer.content and answer.json() == gone)

    return probe


def kept_attributes(chatwoot: Chatwoot, receiver: Receiver) -> Any:
    _, number = chatwoot.chat()
    given = {"mine": 1, "in_reply_to_external_id": "unknown"}
    return sorted(chatwoot.say(number, "x", content_attributes=given)["content_attributes"])


def found_with_plus(chatwoot: Chatwoot, receiver: Receiver) -> bool:
    chatwoot.ok("POST", "/contacts", {"name": "x", "phone_number": "+5541989766001"})
    condition = {"attribute_key": "phone_number", "filter_operator": "equal_to"}
    found = []
    for value in ("+5541989766001", "5541989766001"):
        wanted = {"payload": [{**condition, "values": [value]}]}
        found.append(len(chatwoot.ok("POST", "/contacts/filter", wanted)["payload"]))
    assert found[1] == 1
    return found[0] == 1


def name_taken(chatwoot: Chatwoot, receiver: Receiver) -> bool:
    wanted = {"name": "WhatsApp (Sales)", "channel": {"type": "api"}}
    return bool(chatwoot("POST", "/inboxes", wanted).ok)


def secret_shown(chatwoot: Chatwoot, receiver: Receiver) -> bool:
    return "secret" in chatwoot.inbox()


def slim_inbox(chatwoot: Chatwoot, receiver: Receiver) -> bool:
    contact = chatwoot.contact(chatwoot.inbox("http://127.0.0.1:9/hidden")["id"])
    shown = chatwoot.ok("GET", f"/contacts/{contact['id']}")["payload"]
    return "webhook_url" not in shown["contact_inboxes"][0]["inbox"]


def headers(chatwoot: Chatwoot, receiver: Receiver) -> list[str]:
    _, number = chatwoot.chat(receiver.url)
    chatwoot.say(number, "hello", "outgoing")
    receiver.wait("message_created")
    names = {name for name in receiver.received[-1][0] if name.startswith("X-Chatwoot")}
    return sorted(name.removeprefix("X-Chatwoot-") for name in names)


def agent_name(chatwoot: Chatwoot, receiver: Receiver) -> str:
    headers(chatwoot, receiver)
    return str(receiver.received[-1][0]["User-Agent"]).partition("/")[0]


def hooked(*path: str) -> Callable[[Chatwoot, Receiver], bool]:
    """Whether the webhook of a message with a file has a field."""

    def probe(chatwoot: Chatwoot, receiver: Receiver) -> bool:
        _, number = chatwoot.chat(receiver.url)
        files = [("attachments[]", ("a.ogg", b"OggS", "audio/ogg"))]
        wanted = {"content": "x", "message_type": "incoming"}
        chatwoot.ok("POST", f"/conversations/{number}/messages", data=wanted, files=files)
        (body,) = receiver.wait("message_created")
        for name in path[:-1]:
            body = body[name][0] if isinstance(body[name], list) else body[name]
        return body.get(path[-1]) is not None

    return probe


def content_hooked(chatwoot: Chatwoot, receiver: Receiver) -> str:
    _, number = chatwoot.chat(receiver.url)
    chatwoot.say(number, "a \\\nb\n\n", "outgoing")
    (body,) = receiver.wait("message_created")
    return str(body["content"])


def typing_hooked(chatwoot: Chatwoot, receiver: Receiver) -> bool:
    _, number = chatwoot.chat(receiver.url)
    path = f"/conversations/{number}/toggle_typing_status"
    chatwoot("POST", path, {"typing_status": "on"})
    chatwoot.say(number, "after it", "outgoing")
    receiver.wait("message_created")
    return bool(receiver.events("conversation_typing_on"))


def told_without_change(chatwoot: Chatwoot, receiver: Receiver) -> bool:
    _, number = chatwoot.chat(receiver.url)
    sent = chatwoot.say(number, "never failed", "outgoing")["id"]
    answer = chatwoot.ok("POST", f"/conversations/{number}/messages/{sent}/retry")
    assert answer["status"] == "sent"
    chatwoot.say(number, "after it", "outgoing")
    receiver.wait("message_created", 2)
    return bool(receiver.events("message_updated"))


def survey(chatwoot: Chatwoot, receiver: Receiver) -> tuple[bool, bool, list[str]]:
    """Whether the webhook has the link of a survey, whether REST has; its attributes."""
    inbox_id, number = chatwoot.chat(receiver.url, csat_survey_enabled=True)
    chatwoot.say(number, "thanks")
    chatwoot.ok("POST", f"/conversations/{number}/toggle_status", {"status": "resolved"})
    told: list[Any] = []
    while not told:
        told = [m for m in receiver.wait("message_created") if m["content_type"] == "input_csat"]
    (stored,) = [m for m in chatwoot.thread(number) if m["content_type"] == "input_csat"]
    link = "/survey/responses/"
    attributes = sorted(told[0]["content_attributes"])
    return link in told[0]["content"], link in stored["content"], attributes


def long_source_id(chatwoot: Chatwoot, receiver: Receiver) -> bool:
    wanted = {"name": "x", "inbox_id": chatwoot.inbox()["id"], "source_id": "x" * 300}
    answer = chatwoot("POST", "/contacts", wanted)
    if not answer.ok:
        sentence = "Source is too long (maximum is 255 characters)"
        assert answer.json() == {"message": sentence, "attributes": ["source_id"]}
    return bool(answer.ok)


def updates_of_a_file(chatwoot: Chatwoot, receiver: Receiver) -> bool:
    """Whether the saving of a new message's file is told as an update of the message."""
    _, number = chatwoot.chat(receiver.url)
    files = [("attachments[]", ("a.png", b"x", "image/png"))]
    path = f"/conversations/{number}/messages"
    chatwoot.ok("POST", path, data={"content": "x"}, files=files)
    chatwoot.say(number, "after it", "outgoing")
    receiver.wait("message_created", 2)
    return bool(receiver.events("message_updated"))


def assigned_bot(chatwoot: Chatwoot, receiver: Receiver) -> tuple[Any, Any]:
    """The assignee and its type where an inbox's bot has the conversation."""
    inbox_id = chatwoot.inbox()["id"]
    chatwoot("POST", f"/inboxes/{inbox_id}/set_agent_bot", {"agent_bot": 1})
    contact_id = chatwoot.contact(inbox_id)["id"]
    meta = chatwoot.conversation(inbox_id, contact_id)["meta"]
    return (meta.get("assignee") or {}).get("name"), meta.get("assignee_type")


ROWS: list[tuple[str, Callable[[Chatwoot, Receiver], Any], list[tuple[str, Any]]]] = [
    (
        "PATCH of a message",
        route_status("PATCH", "/conversations/{number}/messages/{message}"),
        [("3.4.0", False), ("3.16.0", False), ("4.1.9", False), ("4.2.0", True), (NEWEST, True)],
    ),
    (
        "retry",
        route_status("POST", "/conversations/{number}/messages/{message}/retry"),
        [("3.3.0", False), ("3.4.0", True)],
    ),
    (
        "DELETE of a conversation",
        route_status("DELETE", "/conversations/{number}"),
        [("4.2.0", False), ("4.3.0", True), ("4.6.0", True)],
    ),
    (
        "reset_secret",
        route_status("POST", "/inboxes/{inbox}/reset_secret"),
        [("4.12.1", False), ("4.13.0", True), ("4.14.0", True)],
    ),
    (
        "contact_inboxes/filter",
        route_status("POST", "/contact_inboxes/filter"),
        [("3.1.9", False), ("3.4.0", True)],
    ),
    (
        "content_attributes",
        kept_attributes,
        [
            ("4.2.0", []),
            ("4.8.0", []),
            ("4.9.0", ["in_reply_to", "in_reply_to_external_id", "mine"]),
        ],
    ),
    (
        "a plus in the filter",
        found_with_plus,
        [("3.4.0", False), ("4.6.0", False), ("4.7.0", True)],
    ),
    ("any name", name_taken, [("3.16.0", False), ("4.2.0", False), ("4.3.0", True)]),
    ("a secret", secret_shown, [("4.12.1", False), ("4.13.0", True), ("4.16.2", True)]),
    ("slim inbox", slim_inbox, [("3.4.0", False), ("4.0.1", False), ("4.0.2", True)]),
    (
        "headers",
        headers,
        [
            ("4.9.0", []),
            ("4.11.1", []),
            ("4.11.2", ["Delivery"]),
            ("4.12.1", ["Delivery"]),
            ("4.13.0", ["Delivery", "Signature", "Timestamp"]),
        ],
    ),
    (
        "agent",
        agent_name,
        [("3.4.0", "rest-client"), ("4.13.0", "rest-client"), ("4.14.1", "Ruby")],
    ),
    (
        "content_type of a file",
        hooked("attachments", "content_type"),
        [("4.12.1", False), ("4.13.0", True)],
    ),
    (
        "extension of a file",
        hooked("attachments", "extension"),
        [("4.11.2", False), ("4.13.0", True)],
    ),
    ("account", hooked("conversation", "account"), [("4.14.1", False), ("4.14.2", True)]),
    ("blocked", hooked("sender", "blocked"), [("3.16.0", False), ("4.2.0", True)]),
    (
        "the conversation's updated_at",
        hooked("conversation", "updated_at"),
        [("3.16.0", False), ("4.0.2", True)],
    ),
    (
        "last_activity_at",
        hooked("conversation", "last_activity_at"),
        [("3.4.0", False), ("3.12.0", True)],
    ),
    (
        "editor's breaks",
        content_hooked,
        [("4.12.1", "a \\\nb\n\n"), ("4.13.0", "a \nb\n\n"), ("4.14.2", "a \nb")],
    ),
    (
        "survey",
        survey,
        [
            ("3.16.0", (True, True, [])),
            ("4.2.0", (True, True, ["display_type"])),
            ("4.3.0", (False, False, ["display_type"])),
            ("4.4.0", (True, False, ["display_type"])),
            ("4.16.2", (True, False, ["display_type"])),
        ],
    ),
    ("a long source_id", long_source_id, [("4.7.0", False), ("4.8.0", True)]),
    ("a file told twice", updates_of_a_file, [("3.4.0", True), ("3.5.0", False)]),
    ("a bot", assigned_bot, [("4.7.0", (None, None)), ("4.8.0", ("Sandbox bot", "AgentBot"))]),
    ("typing", typing_hooked, [("3.16.0", False), ("4.2.0", True)]),
    ("told though nothing changed", told_without_change, [("3.4.0", True), ("3.16.0", False)]),
]
CASES = [
    pytest.param(probe, version, expected, id=f"{name}-{version}")
    for name, probe, expectations in ROWS
    for version, expected in expectations
]


@pytest.mark.parametrize(("probe", "version", "expected"), CASES)
def test_a_version_has_what_it_has(
    sandbox: SandboxChatwoot,
    chatwoot: Chatwoot,
    receiver: Receiver,
    probe: Callable[[Chatwoot, Receiver], Any],
    version: str,
    expected: object,
) -> None:
    sandbox.options(version=version)
    assert probe(chatwoot, receiver) == expected


def test_an_upgrade_under_a_client_signs_the_next_webhook(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot, receiver: Receiver
) -> None:
    sandbox.options(version="4.12.1")
    inbox_id, number = chatwoot.chat(receiver.url)
    chatwoot.say(number, "unsigned", "outgoing")
    receiver.wait("message_created")
    sandbox.options(version="4.13.0")
    assert chatwoot.ok("GET", f"/inboxes/{inbox_id}")["secret"]
    chatwoot.say(number, "signed", "outgoing")
    receiver.wait("message_created", 2)
    signed = ["X-Chatwoot-Signature" in headers for headers, _ in receiver.received]
    assert (signed[0], signed[-1]) == (False, True)


@pytest.mark.parametrize(
    ("version", "switch", "guarded"),
    [
        ("4.13.0", False, False),
        ("4.14.0", True, True),
        ("4.14.1", True, False),
        ("4.14.1", False, True),
        ("4.16.2", False, True),
    ],
)
def test_the_private_guard_marks_the_message_and_makes_no_webhook(
    sandbox: SandboxChatwoot,
    chatwoot: Chatwoot,
    receiver: Receiver,
    version: str,
    switch: bool,
    guarded: bool,
) -> None:
    sandbox.options(version=version, allow_private_network=switch)
    _, number = chatwoot.chat(receiver.url)
    chatwoot.say(number, "reply", "outgoing")
    if not guarded:
        receiver.wait("message_created")
        return
    thread: list[Any] = []
    while not thread or thread[0]["status"] == "sent":
        thread = chatwoot.thread(number)
    error = thread[0]["content_attributes"]["external_error"]
    assert error == "Hostname '127.0.0.1' has no public ip addresses"
    assert receiver.received == []


def test_any_version_text_is_read_and_a_newer_one_is_the_newest() -> None:
    assert parse_version("v4.16") == (4, 16, 0)
    assert parse_version("4.16.2-ce.1") == (4, 16, 2)
    assert all(has("123.4.5", trait) for trait in Trait)
    assert [trait for trait in Trait if has("3.3.0", trait)] == [
        trait for trait in Trait if trait.since <= (3, 3, 0)
    ]
    with pytest.raises(ValueError, match="must begin with a number"):
        parse_version("develop")


def test_the_newest_body_is_left_as_it_is() -> None:
    body = {"data_url": "x", "content_type": "image/png", "sender": {"blocked": False}}
    assert fitted("4.16.2", body) is body
    assert fitted("3.4.0", body) == {"data_url": "x", "extension": None, "sender": {}}
