"""Who is who: one contact and one conversation for a person or a group."""

import pytest

from tests.routing.desk import Desk, now, until


def contacts_of(desk: Desk, text: str) -> list[dict[str, object]]:
    return list(desk.api("GET", f"contacts/search?q={text}")["payload"])


# -- one person, many addresses --------------------------------------------------------------------


@pytest.mark.parametrize("first_as_lid", [True, False])
def test_lid_and_phone_of_one_person_meet(desk: Desk, first_as_lid: bool) -> None:
    number = desk.number()
    desk.knows(number, f"Lia {number}", lid=f"77{number}@lid")
    desk.customer(number, "one", as_lid=first_as_lid)
    conversation = only_conversation(desk, f"Lia {number}")
    desk.customer(number, "two", as_lid=not first_as_lid)
    desk.shows(conversation, "one", "two")
    desk.reply(conversation, "three")
    desk.gets(number, "three")


def only_conversation(desk: Desk, name: str) -> int:
    """The one conversation with somebody of that name."""

    def found() -> list[int]:
        everyone = desk.chatwoot.control("GET", "agent/conversations")
        return [int(one["id"]) for one in everyone if one["meta"]["sender"]["name"] == name]

    until(found, f"a conversation with {name}")
    [one] = found()
    return one


def test_who_is_first_seen_by_lid_alone_is_asked_for(desk: Desk) -> None:
    number = desk.number()
    lid = f"78{number}@lid"
    desk.knows(number, "Lena", lid=lid)
    raw_text(desk, {"jid": lid, "lid": None, "name": "Lena"}, f"RAW{number}", "by lid alone")
    conversation = desk.conversation(number)
    desk.shows(conversation, "by lid alone")
    assert desk.contact(conversation)["phone_number"] == f"+{number}"


def test_who_was_here_by_phone_and_comes_by_lid_alone_is_recognised(desk: Desk) -> None:
    number, conversation = desk.meet("by phone")
    lid = f"79{number}@lid"
    desk.knows(number, "Lara", lid=lid)
    raw_text(desk, {"jid": lid, "lid": None, "name": "Lara"}, f"RAW{number}", "by lid")
    desk.shows(conversation, "by phone", "by lid")


def test_a_lid_that_nobody_knows_is_no_phone_number(desk: Desk) -> None:
    lid = f"80{desk.number()}@lid"
    raw_text(desk, {"jid": lid, "lid": None, "name": ""}, f"RAW{lid}", "who am I?")
    conversation = desk.conversation(lid)
    contact = desk.contact(conversation)
    assert not contact["phone_number"]
    assert contact["identifier"] == lid


def test_a_number_that_is_learnt_later_is_filled_in(desk: Desk) -> None:
    number = desk.number()
    lid = f"82{number}@lid"
    raw_text(desk, {"jid": lid, "lid": None, "name": "Nora"}, f"RAW{number}", "by lid")
    conversation = desk.conversation(lid)
    assert not desk.contact(conversation)["phone_number"]
    desk.knows(number, "Nora", lid=lid)
    desk.customer(number, "by phone")
    desk.shows(conversation, "by lid", "by phone")
    until(lambda: desk.contact(conversation)["phone_number"] == f"+{number}", "the number")


def raw_text(desk: Desk, party: dict[str, object], message_id: str, text: str) -> None:
    """An event exactly as a gateway might send it."""
    data = {
        "id": message_id,
        "direction": "incoming",
        "timestamp": now(),
        "chat": {**party, "type": "private"},
        "sender": party,
        "message": {"type": "text", "content": text, "source": ""},
    }
    desk.phone.control("POST", "events", {"event": "message.exchange", "data": data})


def test_a_device_suffix_makes_no_second_contact(desk: Desk) -> None:
    number, conversation = desk.meet("one")
    desk.customer(number, "two", device=23)
    desk.shows(conversation, "one", "two")


def test_a_brazilian_mobile_is_one_contact_with_and_without_its_ninth_digit(desk: Desk) -> None:
    tail = desk.number()[-7:]
    with_ninth, without = f"55819{8}{tail}", f"5581{8}{tail}"
    for index, jid in enumerate((without, with_ninth, without)):
        party: dict[str, object] = {"jid": f"{jid}@s.whatsapp.net", "lid": None, "name": "Bia"}
        raw_text(desk, party, f"NINTH{tail}{index}", f"text {index}")
    conversation = desk.conversation(with_ninth)
    desk.shows(conversation, "text 0", "text 1", "text 2")
    assert len(contacts_of(desk, f"8{tail}")) == 1


@pytest.mark.parametrize("written", ["5581987{}", "558187{}", "49151{}"])
def test_a_contact_that_an_agent_made_is_used(desk: Desk, written: str) -> None:
    tail = desk.number()[-6:]
    made = desk.api(
        "POST", "contacts", {"name": "From my list", "phone_number": "+" + written.format(tail)}
    )
    arriving = written.format(tail)
    if arriving.startswith("5581"):
        arriving = f"5581987{tail}"
    desk.customer(arriving, "hello")
    conversation = desk.conversation(arriving)
    contact = desk.contact(conversation)
    assert (contact["id"], contact["name"]) == (made["payload"]["contact"]["id"], "From my list")


def test_an_argentine_mobile_is_taken_as_it_comes(desk: Desk) -> None:
    number = "54911" + desk.number()[-8:]
    desk.customer(number, "hola")
    conversation = desk.conversation(number)
    assert desk.contact(conversation)["phone_number"] == f"+{number}"
    desk.reply(conversation, "¿qué tal?")
    desk.gets(number, "¿qué tal?")


# -- groups ----------------------------------------------------------------------------------------


def test_a_group_is_one_conversation_with_the_names_before_the_texts(desk: Desk) -> None:
    ana, bob = desk.number(), desk.number()
    desk.knows(ana, "Ana", lid=f"81{ana}@lid")
    desk.knows(bob, "*Bob*")
    group = desk.group("Team", ana, bob)
    desk.customer(group, "hi all", sender=ana)
    desk.customer(group, "hello", sender=bob)
    conversation = desk.conversation(group)
    shown = desk.shows(conversation, "**Ana**: hi all", "**Bob**: hello")
    assert desk.contact(conversation)["name"] == "Team"
    desk.reply(conversation, "welcome", in_reply_to=shown[0]["id"])
    [sent] = desk.gets(group, "welcome")
    assert sent["quote"] == desk.on_phone(group)[0]["id"]


def test_a_file_in_a_group_says_who_sent_it(desk: Desk) -> None:
    ana = desk.number()
    desk.knows(ana, "Ana")
    group = desk.group("Pictures", ana)
    desk.customer(group, kind="image", sender=ana)
    conversation = desk.conversation(group)
    assert desk.arrived(conversation, 1)["content"] == "**Ana**:"


def test_a_renamed_group_is_renamed_for_the_agents(desk: Desk) -> None:
    ana = desk.number()
    group = desk.group("Old name", ana)
    desk.customer(group, "one", sender=ana)
    conversation = desk.conversation(group)
    flow = {"group": group, "type": "name", "name": "New name"}
    desk.phone.control("POST", "group-flow", flow)
    named = "select 1 from chat where address = ? and name = 'New name'"
    until(lambda: desk.rows(named, group), "the name")
    desk.customer(group, "two", sender=ana)
    until(lambda: desk.contact(conversation)["name"] == "New name", "the new name in Chatwoot")


# -- names and pictures ----------------------------------------------------------------------------


def test_who_is_first_written_to_on_the_phone_has_the_name_that_the_phone_knows(
    desk: Desk,
) -> None:
    number = desk.number()
    desk.knows(number, "Rita Agenda")
    own = {"jid": "4915100000001@s.whatsapp.net", "name": "My shop"}
    chat = {"jid": f"{number}@s.whatsapp.net", "name": ""}
    desk.raw(chat, f"PH{number}", "written on the phone", sender=own, outgoing=True)
    assert desk.contact(desk.conversation(number))["name"] == "Rita Agenda"


def test_a_new_contact_gets_name_and_picture(desk: Desk) -> None:
    number = desk.number()
    desk.knows(number, "Carla")
    desk.customer(number, "hello")
    conversation = desk.conversation(number)
    contact = desk.contact(conversation)
    assert contact["name"] == "Carla"
    assert contact["thumbnail"]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "refuse", "status": 422, "body": '{"message":"Avatar","attributes":["avatar"]}'},
        {"kind": "drop_after"},
        {"kind": "drop"},
    ],
)
def test_what_the_picture_is_to_blame_for_costs_no_message(
    desk: Desk, fault: dict[str, object]
) -> None:
    number = desk.number()
    fault |= {"method": "POST", "path": "/accounts/1/contacts", "times": 1}
    desk.chatwoot.control("POST", "faults", fault)
    desk.customer(number, "hello")
    desk.shows(desk.conversation(number), "hello")
    assert len(contacts_of(desk, number)) == 1


def test_a_gateway_that_tells_no_pictures_costs_no_message(desk: Desk) -> None:
    desk.phone.control(
        "POST", "faults", {"kind": "status", "times": 20, "path": "/api/chat/contacts/"}
    )
    number = desk.number()
    desk.customer(number, "hello")
    desk.shows(desk.conversation(number), "hello")


def test_a_name_that_is_learnt_later_is_filled_in(desk: Desk) -> None:
    number = desk.number()
    desk.owner(number, "I write first")  # what we send says nothing about their name
    conversation = desk.conversation(number)
    assert desk.contact(conversation)["name"] == f"+{number}"
    desk.knows(number, "Dora")
    desk.customer(number, "it is me")
    until(lambda: desk.contact(conversation)["name"] == "Dora", "the name")


def test_a_name_that_an_agent_wrote_is_never_overwritten(desk: Desk) -> None:
    number = desk.number()
    desk.owner(number, "I write first")
    conversation = desk.conversation(number)
    contact = desk.contact(conversation)
    desk.chatwoot.control("PATCH", f"agent/contacts/{contact['id']}", {"name": "My best client"})
    desk.knows(number, "Dora")
    desk.customer(number, "it is me")
    desk.customer(number, "again")
    desk.shows(conversation, "I write first", "it is me", "again")
    handled = "select 1 from thread where conversation_id = ? and given_name = ''"
    until(lambda: desk.rows(handled, conversation), "the name being let go")
    assert desk.contact(conversation)["name"] == "My best client"


# -- what agents do to contacts and conversations --------------------------------------------------


def test_an_agent_begins_a_conversation_with_a_new_number(desk: Desk) -> None:
    number = desk.number()
    desk.knows(number, "Eva")
    inbox = desk.inbox()
    made = desk.api("POST", "contacts", {"name": "Eva", "phone_number": f"+{number}"})
    contact = made["payload"]["contact"]["id"]
    begun = desk.api("POST", "conversations", {"inbox_id": inbox, "contact_id": contact})
    desk.reply(int(begun["id"]), "may I help?")
    desk.gets(number, "may I help?")
    desk.customer(number, "yes")
    desk.shows(int(begun["id"]), "may I help?", "yes")


def test_an_agent_goes_on_in_a_new_conversation_of_a_known_customer(desk: Desk) -> None:
    with desk.options(reopenResolved=False):
        number, conversation = desk.meet("old matter")
        desk.resolve(conversation)
        inbox = desk.inbox()
        contact = desk.contact(conversation)["id"]
        begun = desk.api("POST", "conversations", {"inbox_id": inbox, "contact_id": contact})
        desk.reply(int(begun["id"]), "news for you")
        desk.gets(number, "news for you")
        desk.customer(number, "thanks")
        desk.shows(int(begun["id"]), "news for you", "thanks")
        desk.shows(conversation, "old matter")


def test_a_deleted_conversation_is_replaced_once(desk: Desk) -> None:
    number, conversation = desk.meet("one")
    desk.api("DELETE", f"conversations/{conversation}")
    until(lambda: not desk.conversations(number), "the deletion")
    desk.customer(number, "two")
    desk.customer(number, "three")
    desk.shows(desk.conversation(number), "two", "three")
    assert len(contacts_of(desk, number)) == 1


def test_a_deleted_contact_is_made_again_once(desk: Desk) -> None:
    number, conversation = desk.meet("one")
    desk.api("DELETE", f"contacts/{desk.contact(conversation)['id']}")
    until(lambda: not desk.conversations(number), "the deletion")
    desk.customer(number, "two")
    desk.customer(number, "three")
    desk.shows(desk.conversation(number), "two", "three")
    assert len(contacts_of(desk, number)) == 1


@pytest.mark.parametrize("reopen", [True, False])
def test_a_merged_contact_keeps_its_conversation(desk: Desk, reopen: bool) -> None:
    with desk.options(reopenResolved=reopen):
        number, conversation = desk.meet("one")
        base = desk.api("POST", "contacts", {"name": "The real one"})["payload"]["contact"]["id"]
        merge = {"base_contact_id": base, "mergee_contact_id": desk.contact(conversation)["id"]}
        desk.api("POST", "actions/contact_merge", merge)
        desk.customer(number, "two")
        desk.shows(conversation, "one", "two")
        desk.reply(conversation, "three")
        desk.gets(number, "three")
        desk.resolve(conversation)
        desk.customer(number, "four")
        until(lambda: "four" in all_texts(desk, number), "the text after the merge")
        assert sorted(all_texts(desk, number)) == ["four", "one", "three", "two"]
        assert len(desk.conversations(number)) == (1 if reopen else 2)
        assert {one["meta"]["sender"]["id"] for one in desk.conversations(number)} == {base}


def all_texts(desk: Desk, number: str) -> list[str]:
    return [text for one in desk.conversations(number) for text in desk.texts(int(one["id"]))]
