"""Messages (docs/contracts/chatwoot.md, Messages)."""

import json

import pytest
import requests

from tests.sandbox.conftest import Chatwoot
from tests.support.processes import SandboxChatwoot


def test_a_message_comes_back_flat_with_integer_type(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    message = chatwoot.say(number, "oi", source_id="WA1", echo_id="e1")
    assert (message["message_type"], message["status"], message["echo_id"]) == (0, "sent", "e1")
    assert message["source_id"] == "WA1"
    assert message["conversation_id"] == number
    assert message["sender"]["type"] == "contact"
    assert isinstance(message["created_at"], int)
    reply = chatwoot.say(number, "hello", "outgoing")
    assert reply["sender"]["name"] == "Ana Admin"
    assert "echo_id" not in reply


def test_nothing_is_unique(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    first, second = (chatwoot.say(number, "oi", source_id="WA1") for _ in range(2))
    assert first["id"] != second["id"]


def test_before_3_4_source_id_is_ignored(sandbox: SandboxChatwoot, chatwoot: Chatwoot) -> None:
    sandbox.options(version="3.3.0")
    _, number = chatwoot.chat()
    assert chatwoot.say(number, "oi", source_id="WA1")["source_id"] is None


def test_empty_content_is_accepted(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    assert chatwoot.ok("POST", f"/conversations/{number}/messages", {})["content"] is None


def test_failures_are_422_with_error_only(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    path = f"/conversations/{number}/messages"
    bad_type = chatwoot("POST", path, {"content": "x", "message_type": "sideways"})
    assert bad_type.status_code == 422
    assert bad_type.json() == {"error": "'sideways' is not a valid message_type"}
    long = chatwoot("POST", path, {"content": "x" * 150_001})
    wanted = "Validation failed: Content is too long (maximum is 150000 characters)"
    assert (long.status_code, long.json()) == (422, {"error": wanted})
    missing = chatwoot("POST", "/conversations/99/messages", {"content": "x"})
    assert missing.status_code == 404


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Hi {{contact.name}}!", "Hi João!"),
        ("Hi {{ contact.first_name | upcase }}", "Hi JOÃO"),
        ("{{unknown}}!", "!"),
        ("code `{{contact.name}}` stays", "code `{{contact.name}}` stays"),
        ("{% raw %}{{contact.name}}{% endraw %}", "{{contact.name}}"),
        ("{% if contact.email %}a{% else %}b{% endif %}", "b"),
        ("{{contact.name", "{{contact.name"),
        ("{% nonsense %} {{contact.name}}", "{% nonsense %} {{contact.name}}"),
        # Chatwoot wraps code in raw blocks itself, so this raw block ends too early.
        ("{% raw %}`a` {{x}}{% endraw %}", "{% raw %}`a` {{x}}{% endraw %}"),
        ("50% {done}", "50% {done}"),
    ],
)
def test_outgoing_text_is_rendered_as_liquid(chatwoot: Chatwoot, written: str, shown: str) -> None:
    _, number = chatwoot.chat()
    assert chatwoot.say(number, written, "outgoing")["content"] == shown
    assert chatwoot.say(number, written)["content"] == written


def test_replies_are_matched_both_ways(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    first = chatwoot.say(number, "oi", source_id="WA1")

    def attributes(**given: object) -> object:
        return chatwoot.say(number, "re", content_attributes=given)["content_attributes"]

    found = {"in_reply_to": first["id"], "in_reply_to_external_id": "WA1"}
    assert attributes(in_reply_to_external_id="WA1") == found
    assert attributes(in_reply_to=first["id"]) == found
    nothing = {"in_reply_to": None, "in_reply_to_external_id": None}
    assert attributes(in_reply_to=999, in_reply_to_external_id="WA1") == nothing
    assert attributes(own_marker="kept") == {"own_marker": "kept"}


def test_attachments_by_multipart(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    files = [
        ("attachments[]", ("a b.png", b"png-bytes", "image/png")),
        ("attachments[]", ("voice.mp3", b"mp3", "audio/mpeg")),
        ("attachments[]", ("x.svg", b"<svg/>", "image/svg+xml")),
    ]
    fields = {"content": "see", "content_attributes": json.dumps({"own": 1}), "private": "false"}
    path = f"/conversations/{number}/messages"
    message = chatwoot.ok("POST", path, data=fields, files=files)
    assert message["content_attributes"] == {"own": 1}
    assert message["private"] is False
    kinds = [one["file_type"] for one in message["attachments"]]
    assert kinds == ["image", "audio", "file"]
    image, audio, _ = message["attachments"]
    assert (image["extension"], image["content_type"], image["file_size"]) == (
        "png",
        "image/png",
        9,
    )
    assert audio["data_url"].endswith("?disposition=inline")
    first = requests.get(image["data_url"], allow_redirects=False, timeout=30)
    assert first.status_code == 302
    assert requests.get(image["data_url"], timeout=30).content == b"png-bytes"


def test_a_single_attachment_part_is_refused(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    files = [("attachments", ("a.png", b"x", "image/png"))]
    answer = chatwoot("POST", f"/conversations/{number}/messages", files=files)
    assert answer.status_code == 422
    assert "each" in answer.json()["error"]


def test_an_upload_can_be_attached_later(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    files = {"attachment": ("a.txt", b"text", "text/plain")}
    blob_id = chatwoot.ok("POST", "/upload", files=files)["blob_id"]
    path = f"/conversations/{number}/messages"
    message = chatwoot.ok("POST", path, {"attachments": [blob_id]})
    assert message["attachments"][0]["file_type"] == "file"
    assert chatwoot("POST", path, {"attachments": ["forged"]}).status_code == 422


def test_the_list_pages_both_ways(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    ids = [chatwoot.say(number, str(index))["id"] for index in range(30)]

    def listed(query: str) -> list[int]:
        return [one["id"] for one in chatwoot.thread(number, query)]

    assert listed("") == ids[-20:]
    assert listed(f"?before={ids[5]}") == ids[:5]
    assert listed(f"?after={ids[5]}") == ids[6:]
    assert listed(f"?after={ids[5]}&before={ids[10]}") == ids[5:10]


def test_status_changes_follow_chatwoots_rules(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    message = chatwoot.say(number, "x", "outgoing")
    path = f"/conversations/{number}/messages/{message['id']}"

    def patched(**given: object) -> tuple[str, object]:
        body = chatwoot.ok("PATCH", path, given)
        return body["status"], body["content_attributes"].get("external_error")

    assert patched(status="failed", external_error="no such number") == ("failed", "no such number")
    assert patched(status="delivered", external_error="kept?") == ("delivered", None)
    assert patched(status="read") == ("read", None)
    assert patched(status="delivered") == ("read", None)
    assert patched(status="nonsense") == ("read", None)
    assert patched(status="sent", content="ignored") == ("sent", None)
    assert chatwoot.thread(number)[-1]["content"] == "x"


def test_patch_exists_since_4_2(sandbox: SandboxChatwoot, chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    message = chatwoot.say(number, "x", "outgoing")
    sandbox.options(version="4.1.0")
    answer = chatwoot(
        "PATCH", f"/conversations/{number}/messages/{message['id']}", {"status": "read"}
    )
    assert (answer.status_code, answer.json()) == (404, {"status": 404, "error": "Not Found"})


def test_deletion_is_soft(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    files = [("attachments[]", ("a.png", b"x", "image/png"))]
    path = f"/conversations/{number}/messages"
    message = chatwoot.ok("POST", path, data={"content": "secret"}, files=files)
    deleted = chatwoot.ok("DELETE", f"{path}/{message['id']}")
    assert deleted["content"] == "This message was deleted"
    assert deleted["content_attributes"] == {"deleted": True}
    assert "attachments" not in deleted
    gone = requests.get(message["attachments"][0]["data_url"], timeout=30)
    assert gone.status_code == 404


def test_retry_clears_attributes_and_a_missing_id_is_422(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    message = chatwoot.say(number, "x", "outgoing", content_attributes={"in_reply_to": 1})
    path = f"/conversations/{number}/messages"
    chatwoot.ok("PATCH", f"{path}/{message['id']}", {"status": "failed", "external_error": "no"})
    retried = chatwoot.ok("POST", f"{path}/{message['id']}/retry")
    assert (retried["status"], retried["content_attributes"]) == ("sent", {})
    assert chatwoot("POST", f"{path}/9999/retry").status_code == 422
    assert chatwoot("DELETE", f"{path}/9999").status_code == 404


def test_the_flood_guard_is_422(sandbox: SandboxChatwoot, chatwoot: Chatwoot) -> None:
    sandbox.options(flood_guard=True)
    _, number = chatwoot.chat()
    for _ in range(200):
        chatwoot.say(number, "x")
    answer = chatwoot("POST", f"/conversations/{number}/messages", {"content": "one more"})
    wanted = {"error": "Validation failed: Too many messages"}
    assert (answer.status_code, answer.json()) == (422, wanted)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (False, "f"),
        ({"a": [None, True, "é\n"]}, '{"a"=>[nil, true, "é\\n"]}'),
        (10**20, "100000000000000000000"),
    ],
)
def test_what_is_no_text_is_kept_as_ruby_writes_it(
    chatwoot: Chatwoot, sent: object, kept: str
) -> None:
    _, number = chatwoot.chat()
    wanted = {"content": sent, "source_id": sent}
    message = chatwoot.ok("POST", f"/conversations/{number}/messages", wanted)
    assert message["content"] == message["source_id"] == kept


def test_a_type_by_number_comes_from_the_contact(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    path = f"/conversations/{number}/messages"
    message = chatwoot.ok("POST", path, {"content": "x", "message_type": 1, "content_type": 11})
    assert (message["message_type"], message["content_type"]) == (1, "sticker")
    assert message["sender"]["type"] == "contact"
    for wrong in (4, -1, "1", "Outgoing"):
        answer = chatwoot("POST", path, {"content": "x", "message_type": wrong})
        assert answer.json() == {"error": f"'{wrong}' is not a valid message_type"}


def test_null_bytes_are_refused_but_in_attributes(chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    path = f"/conversations/{number}/messages"
    for column in ("content", "source_id"):
        answer = chatwoot("POST", path, {column: "a\0b"})
        assert answer.json() == {"error": "string contains null byte"}
    kept = chatwoot.say(number, "x", content_attributes={"a": "b\0c"})
    assert kept["content_attributes"] == {"a": "b\0c"}


@pytest.mark.parametrize(
    ("content_type", "items", "problem"),
    [
        ("input_select", [], "At least one item is required."),
        ("form", ["x"], "Items should be a hash."),
        ("cards", [{"title": "T", "actions": [{"href": "x"}]}], "actions:  [:href]"),
    ],
)
def test_items_are_checked(
    chatwoot: Chatwoot, content_type: str, items: list[object], problem: str
) -> None:
    _, number = chatwoot.chat()
    wanted = {"content_type": content_type, "content_attributes": {"items": items}}
    answer = chatwoot("POST", f"/conversations/{number}/messages", wanted)
    assert answer.status_code == 422
    assert answer.json()["error"].endswith(problem)
