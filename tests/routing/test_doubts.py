"""What an earlier try may have brought is found wherever it stands, and only Chatwoot's own words
are believed (docs/contracts/chatwoot.md, Answers)."""

import time
from collections.abc import Iterator

import pytest

from bench.loop import INSTANCE
from tests.routing.desk import Desk, Json, until


@pytest.fixture(scope="module")
def lasting_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A bridge that believes no look for four seconds after a request that was cut off."""
    desk = Desk(tmp_path_factory.mktemp("lasting"), BRIDGE_CHATWOOT_RUNS_ON="4")
    yield desk
    desk.close()


def test_a_doubtful_text_is_found_in_the_conversation_that_the_chat_has_left(
    inner_desk: Desk,
) -> None:
    desk = inner_desk
    number, conversation = desk.meet("first")
    # Stored, and answered with an error; what is read after it fails too, so that it waits.
    desk.chatwoot.fault("contact-row-locked", delay=0, times=1, requests=["text"])
    desk.chatwoot.fault("refuse", status=500, method="GET", path=f"/conversations/{conversation}/m")
    desk.customer(number, "stored")
    until(lambda: "stored" in desk.texts(conversation), "the text in Chatwoot")
    until(lambda: desk.open_entries(number), "its being doubtful")
    contact = desk.contact(conversation)["id"]
    body: Json = {"inbox_id": desk.inbox(), "contact_id": contact}
    begun = desk.api("POST", "conversations", body)["id"]
    desk.reply(begun, "from an agent")
    desk.gets(number, "from an agent")
    desk.calm_chatwoot()
    desk.settled(number)
    assert desk.texts(conversation) == ["first", "stored"]
    assert desk.texts(begun) == ["from an agent"]
    desk.customer(number, "answer")
    desk.shows(begun, "from an agent", "answer")


def test_a_doubtful_first_text_leaves_a_resolved_conversation_resolved(inner_desk: Desk) -> None:
    desk = inner_desk
    with desk.options(reopenResolved=False, startAsPending=True):
        number = desk.number()
        desk.chatwoot.fault("contact-row-locked", delay=0, times=1, requests=["conv"])
        wait = desk.chatwoot.fault("refuse", status=500, method="GET", path="/conversations")
        desk.customer(number, "stored")
        conversation = desk.conversation(number)
        assert wait
        path = f"agent/conversations/{conversation}/toggle_status"
        desk.chatwoot.control("POST", path, {"status": "resolved"})
        desk.calm_chatwoot()
        desk.settled(number)
        assert desk.texts(conversation) == ["stored"]
        desk.customer(number, "later")
        until(lambda: len(desk.conversations(number)) == 2, "a second conversation")
        newest = int(desk.conversations(number)[1]["id"])
        desk.shows(newest, "later")
        assert desk.texts(conversation) == ["stored"]
        assert desk.conversations(number)[1]["status"] == "pending"


@pytest.mark.parametrize("said", ["{}", "[]", '{"ok": true}', '{"payload": null, "data": null}'])
def test_json_of_somebody_else_shows_nothing_to_a_look(inner_desk: Desk, said: str) -> None:
    """A portal in front answers everything that is read with JSON of its own."""
    desk = inner_desk
    number, conversation = desk.meet("first")
    new = desk.number()
    desk.chatwoot.fault("contact-row-locked", delay=0, times=1, requests=["text"])
    desk.chatwoot.fault("contact-row-locked", delay=0, times=1, requests=["conv"])
    front = {"status": 200, "body": said, "method": "GET", "path": "/conversations"}
    desk.chatwoot.fault("refuse", **front)
    desk.customer(number, "stored")
    desk.customer(new, "stored too")
    until(lambda: "stored" in desk.texts(conversation), "the text in Chatwoot")
    time.sleep(2)  # several tries, each of which asks
    desk.calm_chatwoot()
    desk.settled(number)
    desk.settled(new)
    assert desk.texts(conversation) == ["first", "stored"]
    assert desk.texts(desk.conversation(new)) == ["stored too"]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, '{"message":"no Route matched with those values"}'),
        (404, '{"status":404,"error":"Not Found"}'),
        (404, "{}"),
        (401, '{"message":"Unauthorized"}'),
        (403, '{"code":1020,"error_text":"denied"}'),
        (403, '{"success":false,"errors":{"code":9109}}'),
    ],
)
def test_json_of_a_gateway_in_front_holds_nothing(inner_desk: Desk, status: int, said: str) -> None:
    desk = inner_desk
    number, conversation = desk.meet("first")
    desk.chatwoot.fault("refuse", status=status, body=said, path="^/api/v1/accounts")
    desk.customer(number, "waits")
    desk.reply(conversation, "out")
    time.sleep(4)  # two looks, and many tries
    assert desk.rows("select status from integration") == [("active",)]
    desk.calm_chatwoot()
    until(lambda: "waits" in desk.texts(conversation), "the text")
    desk.gets(number, "out")
    assert desk.dead(number) == []


def test_a_first_text_is_not_sent_again_when_only_what_follows_it_fails(inner_desk: Desk) -> None:
    """The answer shows a greeting in place of the text, whose id is then asked for."""
    desk = inner_desk
    greeting = {"greeting_enabled": True, "greeting_message": "Welcome"}
    desk.api("PATCH", f"inboxes/{desk.inbox()}", greeting)
    try:
        number = desk.number()
        desk.chatwoot.fault("refuse", status=500, method="GET", path="/messages", times=3)
        desk.customer(number, "first")
        conversation = desk.conversation(number)
        desk.customer(number, "second")
        until(lambda: "second" in desk.texts(conversation), "the second")
        said = [one["content"] for one in desk.thread(conversation) if one["message_type"] == 0]
        assert said == ["first", "second"]
    finally:
        desk.api("PATCH", f"inboxes/{desk.inbox()}", {"greeting_enabled": False})


def test_what_fails_at_being_read_gives_up_no_message(inner_desk: Desk) -> None:
    """However often the looks for it fail, and whatever else is delivered meanwhile."""
    desk = inner_desk
    (number, conversation), (other, theirs) = desk.meet("first"), desk.meet("first")
    desk.chatwoot.fault("contact-row-locked", delay=0, times=1, containing="stored")
    desk.chatwoot.fault(
        "messages-unreadable", delay=0, conversation=conversation, requests=["messages"]
    )
    desk.customer(number, "stored")
    tries = "select coalesce(max(attempts), 0) from journal where state = 'ready'"
    said: list[str] = []
    while desk.rows(tries)[0][0] < 14 and len(said) < 60:
        said.append(f"meanwhile {len(said)}")
        desk.customer(other, said[-1])
        desk.shows(theirs, "first", *said)
        assert desk.dead(number) == []
        time.sleep(0.1)
    desk.calm_chatwoot()
    desk.settled(number)
    assert desk.texts(conversation) == ["first", "stored"]


def test_a_reply_leaves_though_its_conversation_is_deleted(inner_desk: Desk) -> None:
    desk = inner_desk
    number, conversation = desk.meet("first")
    desk.chatwoot.fault("refuse", status=500, method="GET", path="/messages")
    desk.reply(conversation, "written before")
    until(lambda: desk.open_entries(number), "the reply in the journal")
    desk.chatwoot.fault("conversation-deleted", conversation=conversation, delay=0)
    until(lambda: not desk.conversations(number), "the deletion")
    desk.calm_chatwoot()
    desk.gets(number, "written before")
    desk.customer(number, "still there?")
    begun = desk.conversation(number)
    desk.shows(begun, "still there?")
    desk.reply(begun, "yes")
    desk.gets(number, "written before", "yes")


@pytest.mark.parametrize(
    ("word", "fault"),
    [("web-hangs", {"seconds": 3}), ("request-waits", {"delay": 2.5, "times": 1})],
    ids=["all-wait", "one-waits"],
)
def test_a_router_that_is_killed_waits_for_what_chatwoot_may_still_do(
    lasting_desk: Desk, word: str, fault: Json
) -> None:
    """Chatwoot works on at a request that nobody waits for any more; where it has several web
    servers, the others answer looks meanwhile."""
    desk = lasting_desk
    number, conversation = desk.meet("first")
    desk.chatwoot.fault(word, requests=["text"], **fault)
    desk.customer(number, "once")
    desk.customer(number, "then")
    time.sleep(0.7)  # for the request to be under way
    desk.kill("router")
    desk.shows(conversation, "first", "once", "then")
    desk.settled(number)
    time.sleep(1)
    desk.shows(conversation, "first", "once", "then")


def test_a_failed_mark_comes_off_though_chatwoot_refuses_at_first(inner_desk: Desk) -> None:
    desk = inner_desk
    number, conversation = desk.meet("first")
    desk.chatwoot.fault("refuse", status=500, method="PATCH", path="/messages/", times=4)
    desk.chatwoot.fault("webhook_lost", path="message_updated")
    written = desk.reply(conversation, "out")
    desk.gets(number, "out")
    desk.settled(number)
    assert desk.status(conversation, written["id"]) != "failed"


def test_a_copy_that_comes_after_all_is_counted_and_told(inner_desk: Desk) -> None:
    """Chatwoot carries out what a proxy gave up, longer after it than anybody waits."""
    desk = inner_desk
    number, conversation = desk.meet("first")
    before = len(desk.rows("select 1 from copy"))
    desk.chatwoot.fault("late-504", times=1, delay=0, after=5, requests=["text"])
    desk.customer(number, "late")
    desk.shows(conversation, "first", "late")
    desk.settled(number)
    desk.shows(conversation, "first", "late", "late")
    copies = until(lambda: desk.rows("select * from copy")[before:], "its being counted")
    assert copies[0][1:3] == (desk.thread(conversation)[2]["id"], conversation)
    said = f"the newest in conversation {conversation}"
    assert said in desk.page("/")
    assert said in desk.page(f"/instances/{INSTANCE}")
    log = desk.bridge.process.log.read_text(encoding="utf-8")
    assert f"of conversation {conversation} twice" in log
