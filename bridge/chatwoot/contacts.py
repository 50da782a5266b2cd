"""The contacts of an account, and their places in one inbox. Each method is one HTTP call.

Source: docs/contracts/chatwoot.md, Contacts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bridge.chatwoot.answers import Body, InboxCalls
from bridge.chatwoot.multipart import STORE_S, Multipart
from bridge.chatwoot.refusals import ContactGone, PhoneTaken, SourceTaken
from bridge.chatwoot.values import text
from bridge.domain.errors import BridgeError, InboxGone

_MAX_NAME = 255
_E164 = re.compile(r"\+[1-9]\d{1,14}")


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact of the account; empty where Chatwoot has nothing. `blocked`: its conversations
    stay resolved, whatever it writes."""

    id: int
    name: str
    phone: str
    identifier: str
    blocked: bool = False


class Contacts:
    """Raises the errors of `bridge.chatwoot.answers`. Phone numbers are in E.164."""

    def __init__(self, calls: InboxCalls) -> None:
        self._calls = calls

    def create(
        self,
        *,
        name: str,
        phone: str = "",
        identifier: str = "",
        source_id: str,
        avatar: Path | None = None,
    ) -> int:
        """A new contact with the source_id in the inbox; its id. `avatar` is an image file.

        Raises PhoneTaken, InboxGone, and ChatwootFailing when the source_id is another contact's:
        Chatwoot stumbles instead of refusing it.
        """
        fields: dict[str, object] = {
            "name": name[:_MAX_NAME],
            **_phone_number(phone),
            "source_id": source_id,
            "inbox_id": self._calls.inbox_id,
        }
        if identifier:
            fields["identifier"] = identifier[:_MAX_NAME]
        body = self._write("POST", "contacts", fields, avatar, InboxGone)
        return body.id_of(body.object("payload", "contact"))

    def get(self, contact_id: int) -> Contact:
        """A contact as it is now. Raises ContactGone."""
        body = self._calls.ask("GET", f"contacts/{contact_id}", gone=ContactGone)
        return _contact(body, body.object("payload"))

    def find_by_source(self, source_id: str) -> int | None:
        """The id of the contact with the source_id in the inbox, None without one."""
        wanted = {"inbox_id": self._calls.inbox_id, "source_id": source_id}
        answer = self._calls.transport.send("POST", "contact_inboxes/filter", wanted)
        if answer.status == 404 and not answer.body.strip():
            return None
        body = self._calls.read(answer, gone=InboxGone)
        return body.id_of(body.object())

    def find_by_phone(self, phones: Sequence[str]) -> list[Contact]:
        """The contacts that have one of the numbers.

        Asked without the plus, which every version adds by itself; one that is given is taken off
        before that only from 4.7.0 on (docs/contracts/chatwoot.md, Versions).
        """
        contacts = self._filter("phone_number", [phone.removeprefix("+") for phone in phones])
        return [contact for contact in contacts if contact.phone in phones]

    def find_by_identifier(self, identifier: str) -> list[Contact]:
        """The contacts with that identifier. With Chatwoot's crm_v2 only those with a phone number
        or an e-mail are seen."""
        contacts = self._filter("identifier", [identifier])
        wanted = identifier.lower()
        return [contact for contact in contacts if contact.identifier.lower() == wanted]

    def search(self, wanted: str) -> list[Contact]:
        """The contacts whose phone number or identifier is `wanted`, as Chatwoot's search box finds
        them: also those that a filter does not see. Few searches a minute are granted
        (docs/contracts/chatwoot.md, Limits)."""
        query = quote(wanted.removeprefix("+"), safe="")
        body = self._calls.ask("GET", f"contacts/search?q={query}")
        contacts = [_contact(body, row) for row in body.rows("payload")]
        return [contact for contact in contacts if wanted in {contact.phone, contact.identifier}]

    def add_to_inbox(self, contact_id: int, source_id: str) -> None:
        """Gives a contact the source_id in the inbox; again is harmless.

        Raises ContactGone, and SourceTaken or ChatwootFailing when the source_id is another
        contact's.
        """
        wanted = {"inbox_id": self._calls.inbox_id, "source_id": source_id}
        path = f"contacts/{contact_id}/contact_inboxes"
        self._calls.ask("POST", path, wanted, gone=ContactGone, taken=SourceTaken)

    def update(
        self, contact_id: int, *, name: str = "", phone: str = "", avatar: Path | None = None
    ) -> Contact:
        """Changes what is given; `avatar` is an image file. Raises ContactGone and PhoneTaken."""
        fields = _phone_number(phone)
        if name:
            fields["name"] = name[:_MAX_NAME]
        body = self._write("PUT", f"contacts/{contact_id}", fields, avatar, ContactGone)
        return _contact(body, body.object("payload"))

    # -- underneath --------------------------------------------------------------------------------

    def _write(
        self,
        method: str,
        path: str,
        fields: Mapping[str, object],
        avatar: Path | None,
        gone: type[BridgeError],
    ) -> Body:
        """A form where there is a picture to bring along, else JSON."""
        if avatar is None:
            return self._calls.ask(method, path, fields, gone=gone, taken=PhoneTaken)
        texts = {name: str(value) for name, value in fields.items()}
        form = Multipart(texts, "avatar", avatar, name="avatar.jpg", mime_type="image/jpeg")
        answer = self._calls.transport.send(method, path, form=form, read_s=STORE_S)
        return self._calls.read(answer, gone=gone, taken=PhoneTaken)

    def _filter(self, attribute: str, values: Sequence[str]) -> list[Contact]:
        equal = {"attribute_key": attribute, "filter_operator": "equal_to"}
        conditions = [{**equal, "values": [value], "query_operator": "OR"} for value in values]
        if not conditions:
            return []
        del conditions[-1]["query_operator"]
        body = self._calls.ask("POST", "contacts/filter", {"payload": conditions})
        return [_contact(body, row) for row in body.rows("payload")]


def _phone_number(phone: str) -> dict[str, str]:
    return {"phone_number": phone} if _E164.fullmatch(phone) else {}


def _contact(body: Body, row: Mapping[str, Any]) -> Contact:
    return Contact(
        id=body.id_of(row),
        name=text(row, "name"),
        phone=text(row, "phone_number"),
        identifier=text(row, "identifier"),
        blocked=row.get("blocked") is True,
    )
