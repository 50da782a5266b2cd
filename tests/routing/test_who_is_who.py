"""Nobody gets another's message, whatever numbers, LIDs and contacts have been through."""

from typing import Any

import pytest
import requests

from bench.loop import INSTANCE
from tests.routing.desk import Desk, party, until
from tests.support.journal import services_of
from tests.support.processes import SandboxPhone


def where(desk: Desk, text: str) -> int:
    """The one conversation in which a text stands, once it does."""

    def found() -> list[int]:
        everyone = desk.chatwoot.control("GET", "agent/conversations")
        ids = [int(one["id"]) for one in everyone if one["account_id"] == 1]
        return [one for one in ids if text in desk.texts(one)]

    until(found, f"{text!r} in Chatwoot")
    [conversation] = found()
    return conversation


# -- numbers change hands --------------------------------------------------------------------------


def test_a_number_that_was_given_to_somebody_else(desk: Desk) -> None:
    x, y = desk.number(), desk.number()
    for one in (x, y):
        desk.knows(one, f"P{one}")
    desk.raw(party(x, f"71{x}", "Anna"), f"A1{x}", f"anna at {x}")
    annas = where(desk, f"anna at {x}")
    desk.raw(party(x, f"72{x}", "Bob"), f"B1{x}", f"bob at {x}")
    bobs = where(desk, f"bob at {x}")
    assert bobs != annas
    assert desk.contact(bobs)["id"] != desk.contact(annas)["id"]
    desk.raw(party(y, f"71{x}", "Anna"), f"A2{x}", f"anna at {y}")
    assert where(desk, f"anna at {y}") == annas
    desk.reply(bobs, "for bob")
    desk.reply(annas, "for anna")
    desk.gets(x, "for bob")
    desk.gets(y, "for anna")
    until(lambda: desk.contact(annas)["phone_number"] == f"+{y}", "her new number")


def test_a_reply_waits_for_a_word_where_only_the_lost_number_is_known(desk: Desk) -> None:
    x, y, z = desk.number(), desk.number(), desk.number()
    for one in (x, y, z):
        desk.knows(one, f"P{one}")
    desk.raw(party(x), f"A1{x}", f"somebody at {x}")
    somebodys = where(desk, f"somebody at {x}")
    desk.raw(party(y, f"72{x}", "Bob"), f"B1{x}", f"bob at {y}")
    desk.raw(party(x, f"72{x}", "Bob"), f"B2{x}", f"bob at {x}")
    bobs = where(desk, f"bob at {x}")
    assert bobs != somebodys
    assert where(desk, f"bob at {y}") == bobs
    said = desk.reply(somebodys, "for whom?")
    until(lambda: desk.status(somebodys, said["id"]) == "failed", "the agent being told")
    reason = desk.message(somebodys, said["id"])["content_attributes"]["external_error"]
    assert f"+{x}" in reason
    assert desk.sent(x) == desk.sent(y) == []
    desk.reply(bobs, "for bob")
    desk.gets(x, "for bob")
    # The agent finds out, corrects the contact and presses Retry.
    contact = desk.contact(somebodys)["id"]
    desk.api("PUT", f"contacts/{contact}", {"phone_number": f"+{z}"})
    desk.api("POST", f"conversations/{somebodys}/messages/{said['id']}/retry")

    desk.gets(z, "for whom?")
    assert desk.sent(x) == ["for bob"]


def test_an_agent_who_begins_anew_with_a_contact_reaches_the_person_not_the_number(
    desk: Desk,
) -> None:
    with desk.options(reopenResolved=False):
        x, y = desk.number(), desk.number()
        for one in (x, y):
            desk.knows(one, f"P{one}")
        desk.raw(party(x, f"71{x}", "Anna"), f"A1{x}", f"anna at {x}")
        annas = where(desk, f"anna at {x}")
        desk.raw(party(y, f"71{x}", "Anna"), f"A2{x}", f"anna at {y}")
        desk.raw(party(x, f"72{x}", "Bob"), f"B1{x}", f"bob at {x}")
        where(desk, f"bob at {x}")
        desk.settled(y)
        wish = {"inbox_id": desk.inbox(), "contact_id": desk.contact(annas)["id"]}
        begun = desk.api("POST", "conversations", wish)
        desk.reply(int(begun["id"]), "news for anna")
        desk.gets(y, "news for anna")
        assert desk.sent(x) == []


def test_a_reply_that_waits_follows_its_person(desk: Desk) -> None:
    x, y = desk.number(), desk.number()
    for one in (x, y):
        desk.knows(one, f"P{one}")
    desk.raw(party(x, f"71{x}", "Anna"), f"A1{x}", f"anna at {x}")
    annas = where(desk, f"anna at {x}")
    fault = {"kind": "status", "status": 503, "message": "Instance is not connected to WhatsApp"}
    desk.phone.control("POST", "faults", {**fault, "path": "^/api/message/"})
    desk.reply(annas, "for anna")
    waits = "select 1 from journal where job = 'reply' and attempts > 0 and body like ?"
    until(lambda: desk.rows(waits, "%for anna%"), "the reply waiting for the phone")
    desk.raw(party(x, f"72{x}", "Bob"), f"B1{x}", f"bob at {x}")
    desk.raw(party(y, f"71{x}", "Anna"), f"A2{x}", f"anna at {y}")
    where(desk, f"anna at {y}")
    desk.phone.control("DELETE", "faults")
    desk.gets(y, "for anna")
    assert desk.sent(x) == []


# -- only what is named together is one ------------------------------------------------------------


def test_a_sender_unlike_the_chat_joins_nobody(desk: Desk) -> None:
    a, b = desk.number(), desk.number()
    lid = f"73{b}"
    desk.raw(party(a), f"D1{a}", "from a", sender=party(b, lid, "B"))
    desk.conversation(a)
    desk.raw(party(b, lid, "B"), f"D2{a}", "from b")
    conversation = desk.conversation(b)
    desk.shows(conversation, "from b")
    assert desk.contact(desk.conversation(a))["name"] == f"+{a}"


def test_a_sender_that_is_the_chat_tells_its_other_form(desk: Desk) -> None:
    number = desk.number()
    desk.raw(party(number), f"S1{number}", "one", sender=party(number, f"74{number}", "Sara"))
    conversation = desk.conversation(number)
    desk.raw(party("", f"74{number}", "Sara"), f"S2{number}", "two")
    desk.shows(conversation, "one", "two")
    assert desk.contact(conversation)["name"] == "Sara"


def test_a_group_never_becomes_one_with_a_person(desk: Desk) -> None:
    number = desk.number()
    person, group = party(number, f"75{number}", "P"), f"1203639{number}@g.us"
    chat = {"jid": group, "lid": person["lid"], "name": "Group"}
    desk.raw(chat, f"G1{number}", "in the group", sender=person)
    desk.raw(person, f"G2{number}", "in private")
    in_private = where(desk, "in private")
    assert desk.texts(in_private) == ["in private"]
    assert desk.conversation(group) != in_private


def test_our_own_number_is_nobodys(desk: Desk) -> None:
    [(own,)] = desk.rows("select own_phone from instance")
    assert own
    number = own.partition("@")[0]
    for one in ("76", "77"):
        lid = f"{one}{desk.number()}"
        desk.raw(party(number, lid, f"Person {lid}"), f"O{lid}", f"by {lid}")
        conversation = where(desk, f"by {lid}")
        assert desk.texts(conversation) == [f"by {lid}"]
        assert not desk.contact(conversation)["phone_number"]


@pytest.mark.parametrize("writes_in", ["by phone", "by lid"])
def test_both_conversations_of_one_person_lead_to_it(desk: Desk, writes_in: str) -> None:
    number = desk.number()
    lid = f"78{number}"
    desk.knows(number, "Mer")
    desk.raw(party(number, name="Mer"), f"M1{number}", f"by phone {number}")
    desk.raw(party("", lid, "Mer"), f"M2{number}", f"by lid {number}")
    by_phone = where(desk, f"by phone {number}")
    by_lid = where(desk, f"by lid {number}")
    assert by_phone != by_lid
    desk.raw(party(number, lid, "Mer"), f"M3{number}", f"by both {number}")
    where(desk, f"by both {number}")
    conversation = by_phone if writes_in == "by phone" else by_lid
    desk.reply(conversation, "an answer")
    desk.gets(number, "an answer")
    desk.raw(party(number, lid, "Mer"), f"M4{number}", f"thanks {number}")
    assert where(desk, f"thanks {number}") == conversation, "it goes on where the agent did"


def test_a_merge_while_a_message_is_delivered_doubles_nothing(desk: Desk) -> None:
    number = desk.number()
    lid = f"79{number}"
    desk.raw(party(number, name="Mer"), f"M1{number}", f"by phone {number}")
    desk.raw(party("", lid, "Mer"), f"M2{number}", f"by lid {number}")
    by_lid = where(desk, f"by lid {number}")
    where(desk, f"by phone {number}")
    slow = {"kind": "slow_after", "seconds": 1.5, "times": 1, "method": "POST"}
    slow["path"] = rf"/conversations/{by_lid}/messages$"
    desk.chatwoot.control("POST", "faults", slow)
    desk.raw(party("", lid, "Mer"), f"M3{number}", f"while slow {number}")
    until(lambda: f"while slow {number}" in desk.texts(by_lid), "the post that is not answered")
    desk.raw(party(number, lid, "Mer"), f"M4{number}", f"names both {number}")
    desk.raw(party(number, lid, "Mer"), f"M5{number}", f"the last {number}")
    where(desk, f"names both {number}")
    where(desk, f"the last {number}")
    where(desk, f"while slow {number}")


# -- spellings of a number -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "real"),
    [
        ("5255{}", "52155{}"),
        ("52155{}", "5255{}"),
        ("5411{}", "54911{}"),
        ("541115{}", "54911{}"),
        ("5581988{}", "558188{}"),
    ],
)
@pytest.mark.parametrize("begins", ["agent", "customer"])
def test_a_number_that_an_agent_wrote_in_another_spelling(
    desk: Desk, written: str, real: str, begins: str
) -> None:
    tail = desk.number()[-6:] if written.startswith("5581") else desk.number()[-8:]
    written, real = written.format(tail), real.format(tail)
    desk.knows(written, "Cliente")
    made = desk.api("POST", "contacts", {"name": "Imported", "phone_number": f"+{written}"})
    contact = made["payload"]["contact"]["id"]
    if begins == "agent":
        wish = {"inbox_id": desk.inbox(), "contact_id": contact}
        conversation = int(desk.api("POST", "conversations", wish)["id"])
        desk.reply(conversation, f"first {tail}")
        until(lambda: desk.sent(written) or desk.sent(real), "the reply")
    desk.raw(party(real, name="Cliente"), f"SP{begins}{written}", f"hello {tail}")
    conversation = where(desk, f"hello {tail}")
    assert desk.contact(conversation)["id"] == contact
    if begins == "agent":
        assert desk.texts(conversation) == [f"first {tail}", f"hello {tail}"]


@pytest.mark.parametrize("customer_was_here", [False, True])
def test_an_unlisted_spelling_heals_after_one_message(desk: Desk, customer_was_here: bool) -> None:
    tail = desk.number()[-8:]
    written, real, lid = f"235{tail}", f"2359{tail}", f"88{tail}"
    desk.knows(written, "Chad")
    if customer_was_here:
        desk.raw(party(real, lid, "Chad"), f"U0{tail}", f"here before {tail}")
        where(desk, f"here before {tail}")
    made = desk.api("POST", "contacts", {"name": "Imported", "phone_number": f"+{written}"})
    wish = {"inbox_id": desk.inbox(), "contact_id": made["payload"]["contact"]["id"]}
    conversation = int(desk.api("POST", "conversations", wish)["id"])
    said = desk.reply(conversation, f"first {tail}")
    until(lambda: desk.sent(written), "the reply")
    desk.settled(written)
    # The gateway tells where it came to.
    [(source,)] = desk.rows("select source from journal where key = ?", f"m{said['id']}:0")
    desk.raw(
        party(real, lid), f"U1{tail}", f"first {tail}", outgoing=True, sender={}, source=source
    )
    desk.raw(party(real, lid, "Chad"), f"U2{tail}", f"hello {tail}")
    assert where(desk, f"hello {tail}") == conversation


# -- the look for a conversation -------------------------------------------------------------------


def test_contacts_that_agents_merged_do_not_mix_two_chats(desk: Desk) -> None:
    first, one = desk.meet("the first")
    second, other = desk.meet("the second")
    merge = {"base_contact_id": desk.contact(one)["id"], "mergee_contact_id": 0}
    merge["mergee_contact_id"] = desk.contact(other)["id"]
    desk.api("POST", "actions/contact_merge", merge)
    desk.customer(first, "more of the first")
    desk.customer(second, "more of the second")
    desk.shows(one, "the first", "more of the first")
    desk.shows(other, "the second", "more of the second")
    desk.reply(one, "to the first")
    desk.reply(other, "to the second")
    desk.gets(first, "to the first")
    desk.gets(second, "to the second")


# -- deletions, edits and reactions ----------------------------------------------------------------


def test_nobody_takes_back_or_edits_what_somebody_else_wrote(desk: Desk) -> None:
    """Neither in another chat, nor the agent's words in one's own."""
    mine, conversation = desk.meet("mine")
    other, others = desk.meet("other")
    desk.reply(conversation, "the promise")
    [sent] = desk.gets(mine, "the promise")
    desk.settled(mine)
    first = desk.on_phone(mine)[0]["id"]
    for number, target in ((other, sent["id"]), (other, first), (mine, sent["id"])):
        about = {"messageId": target}
        desk.raw(party(number), f"RV{number}{target}", type="message_revoke", context=about)
        edit = {"original_id": target, "text": "forged"}
        desk.raw(
            party(number),
            f"ED{number}{target}",
            "forged",
            type="message_edit",
            isEdit=True,
            edit=edit,
        )
    desk.customer(other, "the last")
    desk.customer(mine, "the last of mine")
    until(lambda: "the last" in desk.texts(others), "the last")
    until(lambda: "the last of mine" in desk.texts(conversation), "the last of mine")
    thread = desk.thread(conversation)
    assert [one["content"] for one in thread[:2]] == ["mine", "the promise"]
    ids = {one["id"] for one in thread[:2]}
    for one in [*desk.thread(others), *thread]:
        assert one["content_attributes"].get("in_reply_to") not in ids


def test_a_reaction_of_another_chat_points_at_nothing(desk: Desk) -> None:
    mine, conversation = desk.meet("mine")
    other, others = desk.meet("other")
    first = desk.on_phone(mine)[0]["id"]
    seen = {one["id"] for one in desk.thread(conversation)}
    reaction = {"text": "👍", "messageId": first}
    desk.raw(party(other), f"RE{other}", type="reaction", reaction=reaction)
    desk.customer(other, "the last")
    until(lambda: "the last" in desk.texts(others), "the last")
    for one in desk.thread(others):
        assert one["content_attributes"].get("in_reply_to") not in seen
    assert desk.texts(conversation) == ["mine"]


@pytest.mark.parametrize(
    ("who", "is_gone"),
    [("the author", True), ("the author by LID", True), ("a member", False), ("an admin", True)],
)
def test_in_a_group_authors_and_admins_take_back(desk: Desk, who: str, is_gone: bool) -> None:
    ana, bob = desk.number(), desk.number()
    anas, bobs = party(ana, f"61{ana}", "Ana"), party(bob, f"62{ana}", "Bob")
    group = {"jid": f"1203638{ana}@g.us", "name": "Team"}
    desk.raw(group, f"G1{ana}", "hello", sender=anas)
    conversation = desk.conversation(group["jid"])
    [first] = desk.shows(conversation, "**Ana**: hello")
    sender = {
        "the author": anas,
        "the author by LID": party("", f"61{ana}"),
        "a member": bobs,
        "an admin": {**bobs, "isAdmin": True},
    }[who]
    about = {"messageId": f"G1{ana}"}
    desk.raw(group, f"G2{ana}", sender=sender, type="message_revoke", context=about)
    desk.raw(group, f"G3{ana}", "after", sender=anas)
    until(lambda: "**Ana**: after" in desk.texts(conversation), "the message after")
    gone = desk.message(conversation, first["id"])["content_attributes"].get("deleted", False)
    assert gone == is_gone


# -- two bridges on one number ---------------------------------------------------------------------


@pytest.mark.parametrize("marker", ["0011223344556677", "0011223344556677.1:8899aabbccddeeff"])
def test_what_another_bridge_sends_on_the_same_number_is_shown(desk: Desk, marker: str) -> None:
    number, conversation = desk.meet("hello")
    source = f"chatwoot-bridge:{marker}"
    text = "from the sales team's bridge"
    desk.raw(
        party(number), f"OB{marker}", text, outgoing=True, sender=party("4900000"), source=source
    )
    desk.shows(conversation, "hello", text)


def test_the_marker_of_a_send_is_ours_also_when_an_older_version_gave_it(desk: Desk) -> None:
    number, conversation = desk.meet("hello")
    said = desk.reply(conversation, "an answer")
    desk.gets(number, "an answer")
    desk.settled(number)
    key = f"m{said['id']}:0"
    with services_of(desk.bridge) as services, services.store.write() as db:
        old = "chatwoot-bridge:0123456789abcdef"
        db.execute("update journal set source = ? where key = ?", [old, key])
        late = "chatwoot-bridge:fedcba9876543210"
        db.execute("insert into old_marker select ?, instance_id from journal limit 1", [late])
    for source in (old, late):
        desk.raw(
            party(number), f"OM{source}", "an answer", outgoing=True, sender=party(), source=source
        )
    desk.customer(number, "thanks")
    desk.shows(conversation, "hello", "an answer", "thanks")


def test_the_webhook_at_the_gateway_is_of_this_installation_alone(desk: Desk) -> None:
    """Another one that is joined to the same instance there keeps its own."""
    labels = [one["label"] for one in webhooks(desk) if one["enabled"]]
    assert labels == [one for one in labels if one.startswith("chatwoot-bridge-")] != []
    place = f"{desk.phone.base_url}/api/events/webhook/{INSTANCE}"
    headers = {"token": SandboxPhone.instance_token}
    theirs = {"label": "chatwoot-bridge", "enabled": True, "url": "http://127.0.0.1:9/hooks/x"}
    assert requests.post(place, json=theirs, headers=headers, timeout=10).ok
    desk.join()
    assert {one["label"] for one in webhooks(desk) if one["enabled"]} == {*labels, theirs["label"]}
    requests.post(place, json={**theirs, "enabled": False}, headers=headers, timeout=10)


def test_the_label_of_an_older_version_is_given_up(desk: Desk) -> None:
    [ours] = [one for one in webhooks(desk) if one["enabled"]]
    place = f"{desk.phone.base_url}/api/events/webhook/{INSTANCE}"
    headers = {"token": SandboxPhone.instance_token}
    old = {"label": "chatwoot-bridge", "enabled": True, "url": ours["url"]}
    assert requests.post(place, json=old, headers=headers, timeout=10).ok
    desk.join()
    assert [one["label"] for one in webhooks(desk) if one["enabled"]] == [ours["label"]]


def webhooks(desk: Desk) -> list[dict[str, Any]]:
    """What the gateway is to call for the instance."""
    answer = requests.get(
        f"{desk.phone.base_url}/api/events/getWebhook/{INSTANCE}",
        headers={"token": SandboxPhone.instance_token},
        timeout=10,
    )
    found: list[dict[str, object]] = answer.json()["webhooks"]
    return found
