"""Contacts: made once, found again, told apart when they are taken or gone."""

from pathlib import Path
from typing import Any

import pytest

from bridge.chatwoot.refusals import ContactGone, PhoneTaken
from bridge.domain.errors import ChatwootFailing, InboxGone
from tests.chatwoot.conftest import PHONE, SOURCE, Desk


def test_a_contact_is_made_in_one_call_and_stands_in_the_inbox(desk: Desk) -> None:
    client = desk.client()
    made = client.contacts.create(
        name="João", phone=PHONE, identifier=f"{SOURCE}@s.whatsapp.net", source_id=SOURCE
    )
    assert desk.calls() == [("POST", "/api/v1/accounts/1/contacts")]
    assert client.contacts.find_by_source(SOURCE) == made
    contact = client.contacts.get(made)
    assert (contact.name, contact.phone) == ("João", PHONE)
    assert contact.identifier == f"{SOURCE}@s.whatsapp.net"


def test_nobody_stands_under_an_unknown_source_id(desk: Desk) -> None:
    assert desk.client().contacts.find_by_source("nobody") is None


def test_a_lid_is_never_sent_as_a_phone_number(desk: Desk) -> None:
    made = desk.client().contacts.create(name="?", phone="123456789012345@lid", source_id="1@lid")
    assert desk.client().contacts.get(made).phone == ""


@pytest.mark.parametrize("locale", ["en", "pt_BR"])
@pytest.mark.parametrize("same", [{"phone": PHONE}, {"identifier": "a@s.whatsapp.net"}])
def test_a_taken_number_is_told_apart_in_every_language(
    desk: Desk, locale: str, same: dict[str, Any]
) -> None:
    desk.sandbox.control("PATCH", "accounts/1", {"locale": locale})
    desk.client().contacts.create(name="A", source_id="a", **same)
    with pytest.raises(PhoneTaken):
        desk.client().contacts.create(name="B", source_id="b", **same)


def test_a_source_id_of_another_contact_makes_chatwoot_stumble(desk: Desk) -> None:
    desk.client().contacts.create(name="A", source_id=SOURCE)
    with pytest.raises(ChatwootFailing) as caught:
        desk.client().contacts.create(name="B", source_id=SOURCE)
    assert caught.value.uncertain


def test_contacts_are_found_by_any_of_several_numbers(desk: Desk) -> None:
    client = desk.client()
    short, long = "+551188887777", "+5511988887777"
    made = client.contacts.create(name="A", phone=short, source_id="a")
    client.contacts.create(name="B", phone=PHONE, source_id="b")
    assert [one.id for one in client.contacts.find_by_phone([long, short])] == [made]
    assert client.contacts.find_by_phone([]) == []


def test_contacts_are_found_by_identifier(desk: Desk) -> None:
    client = desk.client()
    made = client.contacts.create(name="A", identifier="1@g.us", source_id="1@g.us")
    assert [one.id for one in client.contacts.find_by_identifier("1@g.us")] == [made]


def test_a_contact_can_stand_in_the_inbox_again(desk: Desk) -> None:
    client = desk.client()
    made = client.contacts.create(name="A", source_id="a")
    client.contacts.add_to_inbox(made, "b")
    client.contacts.add_to_inbox(made, "b")
    assert client.contacts.find_by_source("b") == made


def test_a_name_and_a_picture_are_changed(desk: Desk, tmp_path: Path) -> None:
    client = desk.client()
    made = client.contacts.create(name="A", source_id="a")
    assert client.contacts.update(made, name="Ana").name == "Ana"
    picture = tmp_path / "p"
    picture.write_bytes(b"\xff\xd8\xff" + b"0" * 100_000)
    client.contacts.update(made, avatar=picture)
    assert "avatar.jpg" in desk.api("GET", f"/contacts/{made}")["payload"]["thumbnail"]


def test_a_contact_is_made_with_its_picture(desk: Desk, tmp_path: Path) -> None:
    client = desk.client()
    picture = tmp_path / "p"
    picture.write_bytes(b"\xff\xd8\xff" + b"0" * 1000)
    made = client.contacts.create(
        name="Ána", phone="+5511987650001", identifier="x@lid", source_id="55", avatar=picture
    )
    shown = desk.api("GET", f"/contacts/{made}")["payload"]
    told = (shown["name"], shown["phone_number"], shown["identifier"])
    assert told == ("Ána", "+5511987650001", "x@lid")
    assert [one["source_id"] for one in shown["contact_inboxes"]] == ["55"]
    assert "avatar.jpg" in shown["thumbnail"]


def test_a_number_is_added_unless_another_contact_has_it(desk: Desk) -> None:
    client = desk.client()
    client.contacts.create(name="A", phone="+5511987650001", source_id="a")
    made = client.contacts.create(name="B", source_id="b")
    with pytest.raises(PhoneTaken):
        client.contacts.update(made, phone="+5511987650001")
    assert client.contacts.update(made, phone="+5511987650002").phone == "+5511987650002"


def test_a_deleted_contact_is_gone(desk: Desk) -> None:
    client = desk.client()
    made = client.contacts.create(name="A", source_id="a")
    desk.api("DELETE", f"/contacts/{made}")
    for call in (
        lambda: client.contacts.get(made),
        lambda: client.contacts.update(made, name="B"),
        lambda: client.contacts.add_to_inbox(made, "b"),
        lambda: client.conversations.create(made, "a", "open"),
    ):
        with pytest.raises(ContactGone):
            call()


def test_a_deleted_inbox_is_told(desk: Desk) -> None:
    client = desk.client(inbox_id=999)
    with pytest.raises(InboxGone):
        client.contacts.create(name="A", source_id="a")
    with pytest.raises(InboxGone):
        client.contacts.find_by_source("a")


def test_the_owner_of_the_token_can_listen(desk: Desk) -> None:
    owner = desk.account().owner()
    assert owner.id
    assert owner.pubsub_token
    assert owner.pubsub_token not in repr(owner)
