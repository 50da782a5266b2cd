"""What a real Chatwoot answers, stores and tells when something fails inside it, row by row."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from sandbox.chatwoot.fault_table import FAULT_TABLE
from sandbox.chatwoot.faults import KINDS
from tests.sandbox.conftest import Cable, Chatwoot, Receiver, wait_until
from tests.support.processes import ROOT, SandboxChatwoot

TOO_LONG = "The request took too long to complete. Please try again."
TOO_LONG_PT = "A solicitação demorou muito para ser concluída. Tente novamente."
YES, NO, UNASKED = True, False, None


class Scene:
    """An inbox with a webhook, one chat, and one request of each kind."""

    def __init__(self, chatwoot: Chatwoot, receiver: Receiver) -> None:
        self.chatwoot, self.receiver = chatwoot, receiver
        self.inbox_id = chatwoot.inbox(receiver.url)["id"]
        self.contact_id = chatwoot.contact(self.inbox_id)["id"]
        self.number = chatwoot.conversation(self.inbox_id, self.contact_id)["id"]
        self.reply_id = chatwoot.say(self.number, "a reply", "outgoing")["id"]
        receiver.wait("message_created")

    def ask(self, kind: str) -> requests.Response:
        """One request of a kind; what it writes is named after it."""
        base, here = f"/conversations/{self.number}", self.chatwoot
        text = {"content": f"the {kind}", "message_type": "incoming", "source_id": kind}
        calls: dict[str, Callable[[], requests.Response]] = {
            "text": lambda: here("POST", f"{base}/messages", text),
            "agent": lambda: here(
                "POST", f"{base}/messages", {"content": "the agent", "message_type": "outgoing"}
            ),
            "file": lambda: here(
                "POST",
                f"{base}/messages",
                data=text,
                files=[("attachments[]", ("a.png", b"\x89PNG", "image/png"))],
            ),
            "conv": lambda: here(
                "POST",
                "/conversations",
                {"inbox_id": self.inbox_id, "contact_id": self.contact_id, "message": text},
            ),
            "contact": lambda: here("POST", "/contacts", {"name": "the contact"}),
            "patch": lambda: here(
                "PATCH", f"{base}/messages/{self.reply_id}", {"status": "delivered"}
            ),
            "toggle": lambda: here("POST", f"{base}/toggle_status", {"status": "resolved"}),
            "delete": lambda: here("DELETE", f"{base}/messages/{self.reply_id}"),
            "messages": lambda: here("GET", f"{base}/messages"),
            "convs": lambda: here("GET", "/conversations"),
            "inbox": lambda: here("GET", f"/inboxes/{self.inbox_id}"),
            "filter": lambda: here(
                "POST",
                "/contacts/filter",
                {
                    "payload": [
                        {
                            "attribute_key": "phone_number",
                            "filter_operator": "equal_to",
                            "values": ["1"],
                        }
                    ]
                },
            ),
            "search": lambda: here("GET", "/contacts/search?q=a"),
            "profile": lambda: here("GET", f"{here.sandbox.base_url}/api/v1/profile"),
            "api": lambda: here("GET", f"{here.sandbox.base_url}/api"),
            "health": lambda: here("GET", f"{here.sandbox.base_url}/health"),
        }
        return calls[kind]()

    def is_stored(self, kind: str) -> bool:
        """Whether what the request wrote is there."""
        here = self.chatwoot
        if kind == "contact":
            found = here.ok("GET", "/contacts/search?q=the contact")["payload"]
            return bool(found)
        if kind == "conv":
            found = here.ok("GET", f"/contacts/{self.contact_id}/conversations")["payload"]
            return len(found) == 2
        thread = here.thread(self.number)
        if kind in ("patch", "delete"):
            reply = next(one for one in thread if one["id"] == self.reply_id)
            return bool(reply["status"] == "delivered" or reply["content_attributes"])
        return f"the {kind}" in [one["content"] for one in thread]

    def is_told(self, kind: str) -> bool:
        """Whether a webhook told what the request wrote; a later message tells when to look."""
        told = f"the {kind}"

        def contents() -> list[str]:
            return [one["content"] for one in self.receiver.events("message_created")]

        before = set(contents())
        self.chatwoot.say(self.number, "afterwards", "outgoing")
        wait_until(lambda: "afterwards" in contents())
        assert before <= set(contents())
        return told in contents()


@pytest.fixture
def scene(chatwoot: Chatwoot, receiver: Receiver) -> Scene:
    return Scene(chatwoot, receiver)


#: The word, the kind of request, the status, the error's beginning, stored, told by webhook.
ROWS: list[tuple[str, str, int, str, bool | None, bool | None]] = [
    ("messages-locked", "text", 422, TOO_LONG, NO, NO),
    ("messages-locked", "file", 422, TOO_LONG, NO, NO),
    ("messages-locked", "conv", 422, TOO_LONG, NO, NO),
    ("messages-locked", "patch", 422, TOO_LONG, NO, UNASKED),
    ("messages-locked", "messages", 200, "", UNASKED, UNASKED),
    ("messages-unreadable", "text", 422, TOO_LONG, NO, NO),
    ("messages-unreadable", "messages", 422, TOO_LONG, UNASKED, UNASKED),
    ("messages-unreadable", "convs", 500, "", UNASKED, UNASKED),
    ("contacts-locked", "contact", 422, TOO_LONG, NO, UNASKED),
    ("contacts-locked", "filter", 422, TOO_LONG, UNASKED, UNASKED),
    ("contacts-locked", "text", 422, TOO_LONG, YES, YES),
    ("conversations-locked", "text", 422, TOO_LONG, YES, NO),
    ("conversations-locked", "conv", 422, TOO_LONG, NO, NO),
    ("conversations-locked", "toggle", 422, TOO_LONG, UNASKED, UNASKED),
    ("conversations-unreadable", "text", 422, TOO_LONG, NO, NO),
    ("conversations-unreadable", "convs", 500, "", UNASKED, UNASKED),
    ("attachments-locked", "file", 422, TOO_LONG, NO, NO),
    ("attachments-locked", "text", 200, "", YES, YES),
    ("attachments-unreadable", "text", 422, TOO_LONG, YES, YES),
    ("attachments-unreadable", "file", 422, TOO_LONG, NO, NO),
    ("tokens-locked", "inbox", 422, TOO_LONG, UNASKED, UNASKED),
    ("tokens-locked", "profile", 422, TOO_LONG, UNASKED, UNASKED),
    ("tokens-locked", "text", 422, TOO_LONG, NO, NO),
    ("accounts-locked", "profile", 500, "", UNASKED, UNASKED),
    ("accounts-locked", "text", 422, TOO_LONG, NO, NO),
    ("conversation-row-locked", "text", 422, TOO_LONG, YES, NO),
    ("conversation-row-locked", "file", 422, TOO_LONG, YES, NO),
    ("conversation-row-locked", "agent", 422, TOO_LONG, YES, NO),
    ("conversation-row-locked", "conv", 200, "", YES, YES),
    ("conversation-row-locked", "toggle", 422, TOO_LONG, UNASKED, UNASKED),
    ("contact-row-locked", "text", 422, TOO_LONG, YES, YES),
    ("contact-row-locked", "file", 422, TOO_LONG, YES, YES),
    ("contact-row-locked", "conv", 422, TOO_LONG, YES, YES),
    ("contact-row-locked", "agent", 200, "", YES, YES),
    ("two-waits", "text", 500, "", YES, YES),
    ("two-waits", "file", 500, "", YES, YES),
    ("two-waits", "conv", 500, "", YES, YES),
    ("pool-exhausted", "text", 500, "", NO, NO),
    ("pool-exhausted", "messages", 500, "", UNASKED, UNASKED),
    ("pool-exhausted", "patch", 500, "", NO, UNASKED),
    ("deadlock-messages", "text", 422, "PG::TRDeadlockDetected: ERROR:  deadlock", NO, NO),
    ("deadlock-messages", "file", 422, "PG::TRDeadlockDetected: ERROR:  deadlock", NO, NO),
    ("deadlock-messages", "conv", 500, "", NO, NO),
    ("deadlock-messages", "patch", 500, "", NO, UNASKED),
    ("deadlock-contacts", "text", 422, "PG::TRDeadlockDetected: ERROR:  deadlock", YES, YES),
    ("deadlock-contacts", "agent", 200, "", YES, YES),
    ("deadlock-contacts", "conv", 500, "", YES, YES),
    ("deadlock-contacts", "contact", 500, "", NO, UNASKED),
    ("deadlock-conversations", "text", 422, "PG::TRDeadlockDetected: ERROR:  ", YES, NO),
    ("deadlock-conversations", "toggle", 500, "", UNASKED, UNASKED),
    ("disk-full-messages", "text", 422, "PG::DiskFull: ERROR:  could not extend", NO, NO),
    ("disk-full-messages", "file", 422, "PG::DiskFull: ERROR:  could not extend", NO, NO),
    ("disk-full-messages", "conv", 500, "", NO, NO),
    ("disk-full-messages", "contact", 200, "", YES, UNASKED),
    ("disk-full-contacts", "text", 422, "PG::DiskFull: ERROR:  could not extend", YES, YES),
    ("disk-full-contacts", "file", 422, "PG::DiskFull: ERROR:  could not extend", YES, YES),
    ("disk-full-contacts", "conv", 500, "", YES, YES),
    ("disk-full-contacts", "contact", 500, "", NO, UNASKED),
    ("out-of-memory-messages", "text", 422, "PG::OutOfMemory: ERROR:  out of memory", NO, NO),
    ("pg-read-only", "text", 422, "PG::ReadOnlySqlTransaction: ERROR:  cannot", NO, NO),
    ("pg-read-only", "conv", 500, "", NO, NO),
    ("pg-read-only", "contact", 500, "", NO, UNASKED),
    ("pg-read-only", "delete", 500, "", NO, UNASKED),
    ("pg-read-only", "inbox", 200, "", UNASKED, UNASKED),
    ("pg-read-only", "filter", 200, "", UNASKED, UNASKED),
    ("pg-read-only", "messages", 200, "", UNASKED, UNASKED),
    ("pg-down", "text", 500, "", NO, NO),
    ("pg-down", "filter", 500, "", UNASKED, UNASKED),
    ("pg-down", "profile", 500, "", UNASKED, UNASKED),
    ("pg-down", "health", 200, "", UNASKED, UNASKED),
    ("pg-stopped", "text", 500, "", NO, NO),
    ("pg-stopped", "conv", 500, "", NO, NO),
    ("redis-down", "text", 500, "", NO, NO),
    ("redis-down", "inbox", 500, "", UNASKED, UNASKED),
    ("redis-down", "health", 200, "", UNASKED, UNASKED),
    ("redis-goes", "text", 422, "Connection refused - connect(2) for 127.0.0.1", YES, NO),
    ("redis-goes", "file", 422, "Connection refused - connect(2) for 127.0.0.1", YES, NO),
    ("redis-goes", "conv", 500, "", YES, NO),
    ("redis-full", "text", 422, "OOM command not allowed when used memory > 'max", YES, NO),
    ("redis-full", "agent", 422, "OOM command not allowed when used memory > 'max", YES, NO),
    ("redis-full", "file", 422, "OOM command not allowed when used memory > 'max", YES, NO),
    ("redis-full", "contact", 500, "", YES, UNASKED),
    ("redis-full", "patch", 500, "", YES, UNASKED),
    ("redis-full", "conv", 500, "", NO, NO),
    ("redis-full", "inbox", 200, "", UNASKED, UNASKED),
    ("redis-read-only", "text", 422, "READONLY You can't write against a read only", YES, NO),
    ("redis-read-only", "contact", 500, "", YES, UNASKED),
    ("redis-read-only", "conv", 500, "", NO, NO),
    ("redis-hangs", "text", 500, "", NO, NO),
    ("redis-hangs", "api", 500, "", UNASKED, UNASKED),
    ("storage-full", "file", 422, "No space left on device - sendfile", YES, YES),
    ("storage-full", "text", 200, "", YES, YES),
    ("storage-read-only", "file", 422, "Read-only file system @ dir_s_mkdir", YES, YES),
    ("storage-read-only", "text", 200, "", YES, YES),
    ("request-waits", "text", 200, "", YES, YES),
    ("account-suspended", "text", 401, "Account is suspended", NO, NO),
    ("account-suspended", "inbox", 401, "Account is suspended", UNASKED, UNASKED),
    ("account-suspended", "profile", 200, "", UNASKED, UNASKED),
    ("api-disabled", "text", 403, '{"error":"API access is not enabled', NO, NO),
    ("api-disabled", "profile", 200, "", UNASKED, UNASKED),
    ("just-booted", "text", 200, "", YES, YES),
    ("ids-jump", "text", 200, "", YES, YES),
    ("user-demoted", "text", 401, "You are not authorized to do this action", NO, NO),
    ("user-demoted", "inbox", 401, "You are not authorized to do this action", UNASKED, UNASKED),
    ("user-demoted", "patch", 401, "You are not authorized to do this action", NO, UNASKED),
    ("user-demoted", "contact", 200, "", YES, UNASKED),
    ("user-demoted", "profile", 200, "", UNASKED, UNASKED),
    ("user-removed", "text", 401, "You are not authorized to access this account", NO, NO),
    ("user-removed", "profile", 200, "", UNASKED, UNASKED),
    ("rate-limited", "text", 429, "Retry later\n", NO, NO),
    ("rate-limited", "api", 429, "Retry later\n", UNASKED, UNASKED),
    ("search-limited", "search", 429, "Retry later\n", UNASKED, UNASKED),
    ("search-limited", "filter", 200, "", UNASKED, UNASKED),
    ("proxy-502", "text", 502, "<html>", NO, NO),
    ("proxy-503", "api", 503, "<html>", UNASKED, UNASKED),
    ("proxy-504", "text", 504, "<html>", NO, NO),
    ("proxy-502-done", "text", 502, "<html>", YES, YES),
    ("firewall-403", "messages", 403, "<html>", UNASKED, UNASKED),
    ("plain-text", "text", 503, "upstream connect error", NO, NO),
    ("too-large", "file", 413, "<html>", NO, NO),
    ("too-large", "text", 200, "", YES, YES),
]


@pytest.mark.parametrize(("word", "kind", "status", "error", "stored", "told"), ROWS)
def test_a_fault_answers_stores_and_tells_as_the_real_one_does(
    scene: Scene,
    sandbox: SandboxChatwoot,
    word: str,
    kind: str,
    status: int,
    error: str,
    stored: bool | None,
    told: bool | None,
) -> None:
    sandbox.control("POST", "faults", {"fault": word, "delay": 0})
    answer = scene.ask(kind)
    sandbox.control("DELETE", "faults")
    assert answer.status_code == status, answer.text
    if status == 500:
        assert answer.json() == {"status": 500, "error": "Internal Server Error"}
    elif status in (401, 422):
        assert list(answer.json()) == ["error"]
        assert answer.json()["error"].startswith(error)
    elif error:
        assert answer.text.startswith(error)
    if stored is not None:
        assert scene.is_stored(kind) == stored
    if told is not None:
        assert scene.is_told(kind) == told


def test_every_word_that_meets_requests_has_a_row() -> None:
    tried = {word for word, *_ in ROWS} | APART
    assert set(FAULT_TABLE) == tried


def test_every_word_and_kind_is_in_the_documentation() -> None:
    documented = (ROOT / "docs" / "sandbox.md").read_text("utf-8").partition("| Word |")[2]
    rows = re.findall(r"^\| `([a-z0-9_-]+)` \| [^|]+\. \|$", documented, re.MULTILINE)
    assert sorted(rows) == sorted([*FAULT_TABLE, *KINDS])


#: Words that a test of its own is about.
APART = {
    *("redis-restarted", "redis-emptied", "cable-deaf", "jobs-stopped", "jobs-killed"),
    *("jobs-late", "jobs-shuffled", "jobs-doubled", "bytes-missing", "web-killed"),
    *("web-restarted", "web-hangs", "answer-lost", "token-reset", "inbox-deleted"),
    *("contact-deleted", "conversation-deleted", "late-504", "redirected", "truncated"),
}


@pytest.mark.parametrize(
    ("kind", "error"), [("text", TOO_LONG_PT), ("file", TOO_LONG_PT), ("conv", TOO_LONG)]
)
def test_only_post_messages_says_it_in_the_language_of_the_account(
    scene: Scene, sandbox: SandboxChatwoot, kind: str, error: str
) -> None:
    sandbox.control("PATCH", "accounts/1", {"locale": "pt_BR"})
    sandbox.control("POST", "faults", {"fault": "messages-locked", "delay": 0})
    assert scene.ask(kind).json() == {"error": error}
    sandbox.control("DELETE", "faults")
    sandbox.control("POST", "faults", {"fault": "tokens-locked", "delay": 0})
    assert scene.ask(kind).json() == {"error": TOO_LONG}


def activity(scene: Scene) -> float:
    shown = scene.chatwoot.ok("GET", f"/conversations/{scene.number}")
    return float(shown["updated_at"])


def test_a_locked_conversation_does_not_move_and_a_refusing_redis_moves_it(
    scene: Scene, sandbox: SandboxChatwoot
) -> None:
    before = activity(scene)
    sandbox.control("POST", "faults", {"fault": "conversation-row-locked", "delay": 0, "times": 1})
    assert scene.ask("text").status_code == 422
    assert activity(scene) == before
    sandbox.control("POST", "faults", {"fault": "redis-full", "times": 1})
    assert scene.ask("text").status_code == 422
    assert activity(scene) > before


def test_who_waits_for_a_lock_is_served_when_it_ends(
    scene: Scene, sandbox: SandboxChatwoot
) -> None:
    sandbox.control("POST", "faults", {"fault": "messages-locked", "seconds": 0.3})
    assert scene.ask("text").status_code == 200
    for word in ("messages-locked", "conversation-row-locked", "pool-exhausted", "web-hangs"):
        fault = sandbox.control("POST", "faults", {"fault": word, "seconds": 60})
        if word == "conversation-row-locked":
            sandbox.control("DELETE", "faults")
            continue
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(scene.ask("text").status_code))  # noqa: B023
        asking.start()
        wait_until(lambda: _hits(sandbox) == 1)
        sandbox.control("DELETE", f"faults/{fault['id']}")
        asking.join(10)
        assert answers == [200]


def _hits(sandbox: SandboxChatwoot) -> int:
    return sum(one["hits"] for one in sandbox.control("GET", "faults")["faults"])


def test_a_request_that_waits_lets_a_look_overtake_it(
    scene: Scene, sandbox: SandboxChatwoot
) -> None:
    sandbox.control("POST", "faults", {"fault": "request-waits", "delay": 30})
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(scene.ask("text").status_code))
    asking.start()
    wait_until(lambda: _hits(sandbox) == 1)
    assert not scene.is_stored("text")
    sandbox.control("DELETE", "faults")
    asking.join(10)
    assert answers == [200]
    assert scene.is_stored("text")


def test_who_waits_holds_up_nobody_else(scene: Scene, sandbox: SandboxChatwoot) -> None:
    """Neither requests that wait inside Chatwoot nor webhooks that nobody answers."""
    wanted = {"fault": "request-waits", "delay": 60, "containing": "slow", "requests": ["text"]}
    sandbox.control("POST", "faults", wanted)
    scene.receiver.delay_s = 5
    answers: list[int] = []

    def write_slowly() -> None:
        url = f"{scene.chatwoot.root}/conversations/{scene.number}/messages"
        header = {"api-access-token": sandbox.admin}
        answers.append(requests.post(url, json={"content": "slow"}, headers=header).status_code)

    waiting = [threading.Thread(target=write_slowly) for _ in range(20)]
    for thread in waiting:
        thread.start()
    wait_until(lambda: _hits(sandbox) == 20)
    for number in range(20):
        scene.chatwoot.say(scene.number, f"quick {number}")
    assert answers == []
    sandbox.control("DELETE", "faults")
    for thread in waiting:
        thread.join(30)
    assert answers == [200] * 20
    contents = [one["content"] for one in scene.chatwoot.thread(scene.number, "?after=0")]
    assert contents[-40:] == [f"quick {number}" for number in range(20)] + ["slow"] * 20


@pytest.mark.parametrize(
    ("word", "stored"), [("request-waits", False), ("contact-row-locked", True)]
)
def test_a_kill_in_the_middle_cuts_what_waits(
    scene: Scene, sandbox: SandboxChatwoot, word: str, stored: bool
) -> None:
    sandbox.control("POST", "faults", {"fault": word, "times": 1})
    cut: list[bool] = []

    def ask() -> None:
        try:
            scene.ask("text")
        except requests.ConnectionError:
            cut.append(True)

    asking = threading.Thread(target=ask)
    asking.start()
    wait_until(lambda: sandbox.control("GET", "faults")["faults"] == [])
    wait_until(lambda: scene.is_stored("text") == stored)
    sandbox.control("POST", "faults", {"fault": "web-killed", "seconds": 0.1})
    asking.join(10)
    assert cut == [True]
    wait_until(lambda: sandbox.control("GET", "faults")["faults"] == [])
    assert scene.is_stored("text") == stored


def test_a_fault_aims_at_what_it_is_told(scene: Scene, sandbox: SandboxChatwoot) -> None:
    def status(kind: str, **aim: object) -> int:
        sandbox.control("DELETE", "faults")
        sandbox.control("POST", "faults", {"fault": "pg-down", **aim})
        return scene.ask(kind).status_code

    assert status("text", requests=["look"]) == 200
    assert status("messages", requests=["look"]) == 500
    assert status("text", conversation=scene.number) == 500
    assert status("text", conversation=scene.number + 1) == 200
    assert status("text", containing="the text") == 500
    assert status("text", containing="poison") == 200
    assert status("text", chance=0) == 200
    assert status("text", method="GET") == 200
    assert status("text", times=1) == 500
    assert scene.ask("text").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"fault": "nonsense"},
        {"fault": "pg-down", "requests": ["nonsense"]},
        {"fault": "pg-down", "seconds": "long"},
        {"fault": "inbox-deleted", "inbox_id": 99},
    ],
)
def test_a_wrong_word_is_refused_with_a_sentence(
    sandbox: SandboxChatwoot, wrong: dict[str, object]
) -> None:
    answer = requests.post(f"{sandbox.base_url}/sandbox/api/faults", json=wrong, timeout=30)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]
    assert sandbox.control("GET", "faults")["faults"] == []


@pytest.mark.parametrize("word", ["web-killed", "answer-lost"])
def test_a_connection_closes_before_or_after_it_is_done(
    scene: Scene, sandbox: SandboxChatwoot, word: str
) -> None:
    sandbox.control("POST", "faults", {"fault": word})
    with pytest.raises(requests.ConnectionError):
        scene.ask("text")
    sandbox.control("DELETE", "faults")
    assert scene.is_stored("text") == (word == "answer-lost")


def test_a_late_504_is_done_when_nobody_waits(scene: Scene, sandbox: SandboxChatwoot) -> None:
    sandbox.control("POST", "faults", {"fault": "late-504", "after": 0.2, "times": 2})
    for kind in ("text", "file"):
        assert scene.ask(kind).status_code == 504
    for kind in ("text", "file"):
        wait_until(lambda: scene.is_stored(kind))  # noqa: B023
    assert len(scene.chatwoot.thread(scene.number)) == 3


def test_an_answer_is_cut_or_leads_elsewhere(scene: Scene, sandbox: SandboxChatwoot) -> None:
    sandbox.control("POST", "faults", {"fault": "truncated", "times": 1})
    answer = scene.ask("text")
    assert answer.headers["Content-Type"].startswith("application/json")
    with pytest.raises(ValueError, match="."):
        json.loads(answer.text)
    sandbox.control("POST", "faults", {"fault": "redirected", "location": "https://other.example"})
    answer = scene.chatwoot("GET", f"{sandbox.base_url}/api/v1/profile", allow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["Location"] == "https://other.example/api/v1/profile"


@pytest.mark.parametrize("word", ["storage-full", "bytes-missing"])
def test_a_file_without_bytes_is_a_redirect_to_nothing(
    scene: Scene, sandbox: SandboxChatwoot, word: str
) -> None:
    sandbox.control("POST", "faults", {"fault": word})
    scene.ask("file")
    if word == "storage-full":
        sandbox.control("DELETE", "faults")
    (message,) = [m for m in scene.chatwoot.thread(scene.number) if m.get("attachments")]
    url = message["attachments"][0]["data_url"]
    first = requests.get(url, allow_redirects=False, timeout=30)
    second = requests.get(requests.compat.urljoin(url, first.headers["Location"]), timeout=30)
    assert (first.status_code, second.status_code, second.content) == (302, 404, b"")


@pytest.mark.parametrize(
    ("word", "data", "queue"),
    [
        ("pg-down", "failing", "ok"),
        ("redis-down", "ok", "failing"),
        ("redis-full", "ok", "ok"),
        ("just-booted", "failing", "ok"),
    ],
)
def test_the_thermometer_names_the_side_that_fails(
    sandbox: SandboxChatwoot, word: str, data: str, queue: str
) -> None:
    sandbox.control("POST", "faults", {"fault": word})
    shown = requests.get(f"{sandbox.base_url}/api", timeout=30).json()
    assert (shown["data_services"], shown["queue_services"]) == (data, queue)


@pytest.fixture
def listening(scene: Scene, sandbox: SandboxChatwoot) -> Iterator[Callable[[], Cable]]:
    """Opens a websocket that is subscribed as the administrator."""
    opened: list[Cable] = []

    def listen() -> Cable:
        cable = Cable(sandbox)
        cable.subscribe(pubsub_token="pubsub-ana", user_id=1, account_id=1)
        cable.next(lambda frame: frame.get("type") == "confirm_subscription")
        opened.append(cable)
        return cable

    yield listen
    for cable in opened:
        cable.close()


def hears(cable: Cable, scene: Scene) -> bool:
    """Whether a message is told before the confirmation of a subscription that came after it."""
    content = f"heard at {time.time()}"
    scene.chatwoot.say(scene.number, content, "outgoing")
    cable.subscribe(pubsub_token="pubsub-ana", user_id=1, account_id=1, again=content)
    heard = False
    while True:
        frame = cable.next(lambda one: True)
        if frame.get("type") == "confirm_subscription":
            return heard
        data = frame.get("message")
        heard = heard or (isinstance(data, dict) and data["data"].get("content") == content)


@pytest.mark.parametrize("word", ["cable-deaf", "redis-restarted", "redis-goes", "redis-down"])
def test_a_deaf_socket_pings_and_confirms_until_the_web_server_restarts(
    scene: Scene, sandbox: SandboxChatwoot, listening: Callable[[], Cable], word: str
) -> None:
    cable = listening()
    assert hears(cable, scene)
    sandbox.control("POST", "faults", {"fault": word})
    sandbox.control("DELETE", "faults")
    assert not hears(cable, scene)
    assert not hears(listening(), scene)
    sandbox.control("POST", "faults", {"fault": "web-restarted"})
    assert hears(listening(), scene)


def test_jobs_wait_and_all_come_when_they_go_on(
    scene: Scene, sandbox: SandboxChatwoot, listening: Callable[[], Cable]
) -> None:
    cable = listening()
    fault = sandbox.control("POST", "faults", {"fault": "jobs-stopped"})
    ids = [scene.chatwoot.say(scene.number, f"{n}", "outgoing")["id"] for n in range(10)]
    assert scene.receiver.events("message_created")[1:] == []
    sandbox.control("DELETE", f"faults/{fault['id']}")
    scene.receiver.wait("message_created", 11)
    told = [one["id"] for one in scene.receiver.events("message_created")[1:]]
    assert sorted(told) == ids
    heard = {cable.event("message.created")["id"] for _ in ids}
    assert heard == set(ids)


def test_jobs_of_a_redis_that_restarts_empty_are_never_told(
    scene: Scene, sandbox: SandboxChatwoot
) -> None:
    sandbox.control("POST", "faults", {"fault": "jobs-stopped"})
    assert scene.ask("text").status_code == 200
    assert sandbox.control("POST", "faults", {"fault": "redis-emptied"})["jobs"] >= 1
    sandbox.control("DELETE", "faults")
    assert scene.is_stored("text")
    assert not scene.is_told("text")


@pytest.mark.parametrize(
    ("word", "copies"),
    [("jobs-killed", 0), ("jobs-doubled", 2), ("jobs-late", 1), ("jobs-shuffled", 1)],
)
def test_jobs_are_lost_doubled_late_or_shuffled(
    scene: Scene, sandbox: SandboxChatwoot, word: str, copies: int
) -> None:
    wanted = {"fault": word, "path": "message.created", "times": 1, "delay": 0.2}
    sandbox.control("POST", "faults", wanted)
    assert scene.ask("text").status_code == 200
    sandbox.control("DELETE", "faults")

    def told() -> list[str]:
        return [one["content"] for one in scene.receiver.events("message_created")]

    wait_until(lambda: told().count("the text") == copies)
    scene.chatwoot.say(scene.number, "afterwards", "outgoing")
    wait_until(lambda: "afterwards" in told())
    assert told().count("the text") == copies


def test_the_agent_page_is_met_only_when_it_is_wanted(
    scene: Scene, sandbox: SandboxChatwoot
) -> None:
    url = f"{sandbox.base_url}/sandbox/api/agent/conversations/{scene.number}/messages"
    sandbox.control("POST", "faults", {"fault": "redis-full"})
    assert requests.post(url, json={"content": "by page"}, timeout=30).status_code == 200
    sandbox.control("DELETE", "faults")
    sandbox.control("POST", "faults", {"fault": "redis-full", "agents": True})
    assert requests.post(url, json={"content": "the page"}, timeout=30).status_code == 422
    sandbox.control("DELETE", "faults")
    assert scene.is_stored("page")
    assert not scene.is_told("page")


def test_a_reset_token_is_answered_and_the_old_one_is_void(
    scene: Scene, sandbox: SandboxChatwoot
) -> None:
    new = sandbox.control("POST", "faults", {"fault": "token-reset"})["token"]
    assert scene.ask("inbox").json() == {"error": "Invalid Access Token"}
    assert Chatwoot(sandbox, new)("GET", f"/inboxes/{scene.inbox_id}").status_code == 200


def test_an_inbox_goes_in_stages(scene: Scene, sandbox: SandboxChatwoot) -> None:
    wanted = {"fault": "inbox-deleted", "inbox_id": scene.inbox_id, "delay": 1}
    sandbox.control("POST", "faults", wanted)
    seen = [scene.ask("text").status_code]
    while seen[-1] != 404:
        answer = scene.ask("text")
        if answer.status_code != seen[-1]:
            seen.append(answer.status_code)
    assert seen == [200, 401, 404]
    assert answer.json() == {"error": "Resource could not be found"}
    for kind in ("inbox", "messages", "patch", "toggle", "conv"):
        assert scene.ask(kind).status_code == 404, kind


def test_a_conversation_goes_after_a_moment_in_which_it_answers(
    scene: Scene, sandbox: SandboxChatwoot
) -> None:
    wanted = {"fault": "conversation-deleted", "conversation": scene.number, "delay": 0.3}
    sandbox.control("POST", "faults", wanted)
    assert scene.ask("text").status_code == 200
    wait_until(lambda: scene.ask("messages").status_code == 404)
    assert scene.ask("inbox").status_code == 200


def test_a_contact_takes_its_conversations_along_a_moment_later(
    scene: Scene, sandbox: SandboxChatwoot
) -> None:
    sandbox.options(deletion_s=1.0)
    wanted = {"fault": "contact-deleted", "contact_id": scene.contact_id}
    sandbox.control("POST", "faults", wanted)
    assert scene.chatwoot("GET", f"/contacts/{scene.contact_id}").status_code == 404
    assert scene.ask("messages").status_code == 500
    assert scene.ask("text").status_code == 422
    wait_until(lambda: scene.ask("messages").status_code == 404)
    assert scene.ask("text").status_code == 404
