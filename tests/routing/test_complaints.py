"""What people complain about in other bridges, one test for each group of complaints.

The groups are those of the survey of such bridges; where a whole file of tests is about one, the
test here is the complaint itself, in its shortest form.
"""

import threading

from bench.loop import INSTANCE
from tests.routing.desk import Desk, now, until


def contacts_of(desk: Desk, text: str) -> list[dict[str, object]]:
    return list(desk.api("GET", f"contacts/search?q={text}")["payload"])


def test_1_no_duplicate_conversations(desk: Desk) -> None:
    number, conversation = desk.meet("one")
    for index in range(3):
        desk.resolve(conversation)
        desk.customer(number, f"again {index}")

        def is_shown(text: str = f"again {index}") -> bool:
            return text in desk.texts(conversation)

        until(is_shown, "the text")
        desk.knows_status(conversation, "open")
    assert len(desk.conversations(number)) == 1


def test_2_no_duplicate_contacts_and_no_orphans(desk: Desk) -> None:
    number, conversation = desk.meet("one")
    desk.resolve(conversation)
    desk.customer(number, "two")
    desk.shows(conversation, "one", "two")
    [contact] = contacts_of(desk, number)
    places = contact["contact_inboxes"]
    assert isinstance(places, list)
    assert [one["source_id"] for one in places] == [number]


def test_3_no_message_twice_however_often_it_is_told(desk: Desk) -> None:
    number, conversation = desk.meet("one")
    sent = desk.customer(number, "many times")
    desk.shows(conversation, "one", "many times")
    party = {"jid": f"{number}@s.whatsapp.net", "lid": None, "name": number}
    data = {
        "id": sent["id"],
        "direction": "incoming",
        "timestamp": now(),
        "chat": {**party, "type": "private"},
        "sender": party,
        "message": {"type": "text", "content": "many times", "source": ""},
    }
    for _ in range(30):
        desk.phone.control("POST", "events", {"event": "message.exchange", "data": data})
    desk.customer(number, "last")
    desk.shows(conversation, "one", "many times", "last")


def test_4_no_message_lost_when_many_come_while_chatwoot_stumbles(desk: Desk) -> None:
    number, conversation = desk.meet("one")
    path = f"/conversations/{conversation}/messages"
    for kind in ("refuse", "drop", "drop_after"):
        desk.chatwoot.fault(kind, method="POST", path=path, times=1)
    texts = [f"text {index}" for index in range(20)]
    for text in texts:
        desk.customer(number, text)
    desk.shows(conversation, "one", *texts)


def test_5_chatwoot_never_waits_for_the_gateway(desk: Desk) -> None:
    number, conversation = desk.meet("one")
    desk.chatwoot.options(webhook_timeout_s=1.0)
    slow = {"kind": "slow_after", "seconds": 2.5, "path": "/api/message/text/"}
    desk.phone.control("POST", "faults", slow)
    try:
        written = desk.reply(conversation, "slowly")
        desk.gets(number, "slowly")
        until(lambda: desk.status(conversation, written["id"]) == "delivered", "the receipt")
        shown = desk.message(conversation, written["id"])
        assert not shown["content_attributes"].get("external_error")
    finally:
        desk.chatwoot.options(webhook_timeout_s=5.0)


def test_6_a_lid_makes_no_bad_contact(desk: Desk) -> None:
    number = desk.number()
    desk.knows(number, f"Lis {number}", lid=f"82{number}@lid")
    desk.phone.control("POST", "switches", {"private_jid": "mixed"})
    for index in range(6):
        desk.customer(number, f"text {index}")
    until(lambda: contacts_of(desk, f"Lis {number}"), "the contact")
    [contact] = contacts_of(desk, f"Lis {number}")
    assert contact["phone_number"] == f"+{number}"
    assert not contacts_of(desk, f"82{number}")


def test_7_the_ninth_digit_makes_no_second_contact(desk: Desk) -> None:
    tail = desk.number()[-7:]
    desk.api("POST", "contacts", {"name": "Agenda", "phone_number": f"+55819{7}{tail}"})
    desk.customer(f"5581{7}{tail}", "sem o nove")
    conversation = desk.conversation(f"55819{7}{tail}")
    assert desk.contact(conversation)["name"] == "Agenda"
    assert len(contacts_of(desk, f"7{tail}")) == 1


def test_8_numbers_of_other_countries_stay_as_they_are(desk: Desk) -> None:
    for number in (f"54911{desk.number()[-8:]}", f"521{desk.number()[-10:]}"):
        desk.customer(number, "hola")
        assert desk.contact(desk.conversation(number))["phone_number"] == f"+{number}"


def test_9_no_stale_memory_of_what_is_resolved(desk: Desk) -> None:
    with desk.options(reopenResolved=False):
        number, conversation = desk.meet("one")
        desk.resolve(conversation)
        desk.customer(number, "new matter")
        until(lambda: len(desk.conversations(number)) == 2, "the new conversation")
        newest = int(desk.conversations(number)[-1]["id"])
        desk.chatwoot.control(
            "POST", f"agent/conversations/{conversation}/toggle_status", {"status": "open"}
        )
        desk.customer(number, "same matter")
        desk.shows(newest, "new matter", "same matter")


def test_10_a_survey_opens_no_new_conversation(desk: Desk) -> None:
    number, conversation = desk.meet("one")
    with desk.inbox_with(csat_survey_enabled=True):
        desk.resolve(conversation)
        until(lambda: desk.sent(number), "the survey")
    assert "/survey/responses/" in desk.sent(number)[0]
    desk.settled(number)
    assert len(desk.conversations(number)) == 1
    assert len(desk.sent(number)) == 1


def test_11_files_with_odd_names_and_types_arrive(desk: Desk) -> None:
    number, conversation = desk.meet("one")
    body = b"PK\x03\x04 not really"
    for name, mime in (
        ("Orçamento nº 7 — final.xlsx", "application/octet-stream"),
        ("no ending", "text/plain"),
        ("áudio.m4a", "video/mp4"),
    ):
        desk.attach(conversation, "", (name, body, mime))
    until(lambda: len([one for one in desk.on_phone(number) if one["media"]]) == 3, "the files")
    names = [one["media"]["name"] for one in desk.on_phone(number) if one["media"]]
    assert names[0] == "Orçamento nº 7 — final.xlsx"


def test_12_a_group_is_there_from_the_first_message_of_anybody(desk: Desk) -> None:
    member = desk.number()
    desk.knows(member, "Not an admin")
    group = desk.group("Neighbours", member)
    desk.customer(group, "hello", sender=member)
    conversation = desk.conversation(group)
    assert desk.contact(conversation)["name"] == "Neighbours"
    desk.shows(conversation, "**Not an admin**: hello")


def test_13_nothing_is_blocked_after_a_contact_was_deleted(desk: Desk) -> None:
    number, conversation = desk.meet("one")
    desk.api("DELETE", f"contacts/{desk.contact(conversation)['id']}")
    desk.customer(number, "two")
    until(lambda: desk.conversations(number), "the conversation")
    again = desk.conversation(number)
    desk.shows(again, "two")
    desk.reply(again, "three")
    desk.gets(number, "three")


def test_14_why_agents_replies_do_not_leave_is_said_in_words(desk: Desk) -> None:
    number, conversation = desk.meet("one")
    refusal = {"kind": "status", "status": 401, "message": "Invalid token", "times": None}
    desk.phone.control("POST", "faults", {**refusal, "path": "^/api/"})
    desk.reply(conversation, "waits")
    sql = "select last_error from integration where status = 'error'"
    [(said,)] = until(lambda: desk.rows(sql), "the error")
    assert "Invalid token" in said
    desk.phone.control("DELETE", "faults")
    desk.join()
    desk.gets(number, "waits")


def test_15_no_log_line_shows_a_token(desk: Desk) -> None:
    number, conversation = desk.meet("one")
    desk.reply(conversation, "two")
    desk.gets(number, "two")
    log = desk.bridge.log_text()
    for secret in (desk.chatwoot.admin, desk.phone.instance_token, desk.bridge.account_token):
        assert secret not in log
    kept = "".join(body for (body,) in desk.rows("select body from journal"))
    assert desk.phone.instance_token not in kept


def test_16_forwarded_messages_keep_their_order(desk: Desk) -> None:
    number, conversation = desk.meet("one")
    texts = [f"forwarded {index}" for index in range(12)]
    threads = [
        threading.Thread(target=desk.customer, args=(desk.number(), f"noise {index}"))
        for index in range(8)
    ]
    for thread in threads:
        thread.start()
    actions = [{"kind": "text", "chat": number, "text": text, "forwarded": True} for text in texts]
    desk.phone.control("POST", "customer", actions)
    for thread in threads:
        thread.join()
    desk.shows(conversation, "one", *(f"↪️ Forwarded\n{text}" for text in texts))
    assert INSTANCE in str(desk.integration())
