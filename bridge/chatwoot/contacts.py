"""What routing asks of Chatwoot about contacts. Each method is one HTTP call.

Source: docs/contracts/chatwoot.md, Contacts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bridge.chatwoot.answers import InboxCalls, as_dict
from bridge.chatwoot.multipart import Multipart
from bridge.chatwoot.refusals import ContactGone, PhoneTaken, SourceTaken
from bridge.domain.errors import InboxGone
from bridge.net.http import Answer

#: How long Chatwoot may be busy storing a file, in seconds.
STORE_S = 120.0
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


class People(InboxCalls):
    """The contacts of an account, and where they stand in the inbox."""

    def create_contact(
        self,
        *,
        name: str,
        phone: str = "",
        identifier: str = "",
        source_id: str,
        avatar: Path | None = None,
    ) -> int:
        """A new contact that stands in the inbox under `source_id`; its id.

        `phone` in E.164, `avatar` an image file. Raises PhoneTaken, InboxGone, and ChatwootFailing
        when the source_id is another contact's: Chatwoot stumbles instead of refusing it.
        """
        wish = {
            "name": name[:_MAX_NAME],
            "phone_number": phone if _E164.fullmatch(phone) else "",
            "identifier": identifier[:_MAX_NAME],
            "source_id": source_id,
        }
        fields = {key: text for key, text in wish.items() if text or key == "name"}
        path = self._path("contacts")
        if avatar is None:
            answer = self._send("POST", path, {**fields, "inbox_id": self._inbox_id})
        else:
            answer = self._put_picture(
                "POST", path, fields | {"inbox_id": str(self._inbox_id)}, avatar
            )
        self._expect(answer, InboxGone, taken=PhoneTaken)
        said = as_dict(self._read(answer), "payload", "contact")
        return self._id(said, answer)

    def contact(self, contact_id: int) -> Contact:
        """A contact as it is now. Raises ContactGone."""
        answer = self._send("GET", self._path("contacts", contact_id))
        self._expect(answer, ContactGone)
        return self._contact(as_dict(self._read(answer), "payload"), answer)

    def find_contact_inbox(self, source_id: str) -> int | None:
        """The id of the contact that stands in the inbox under `source_id`, None without one."""
        body = {"inbox_id": self._inbox_id, "source_id": source_id}
        answer = self._send("POST", self._path("contact_inboxes", "filter"), body)
        if answer.status == 404 and not answer.body.strip():
            return None
        self._expect(answer, InboxGone)
        return self._id(as_dict(self._read(answer)), answer)

    def find_contacts_by_phone(self, phones: Sequence[str]) -> list[Contact]:
        """The contacts that have one of the numbers (E.164).

        Asked without the plus, which every version adds by itself; one that is given is taken off
        before that only from 4.7.0 on (docs/contracts/chatwoot.md, Versions).
        """
        found = self._filter("phone_number", [one.removeprefix("+") for one in phones])
        return [one for one in found if one.phone in phones]

    def find_contacts_by_identifier(self, identifier: str) -> list[Contact]:
        """The contacts with that identifier. With Chatwoot's crm_v2 only those with a phone number
        or an e-mail are seen."""
        found = self._filter("identifier", [identifier])
        return [one for one in found if one.identifier.lower() == identifier.lower()]

    def search_contacts(self, wanted: str) -> list[Contact]:
        """The contacts whose phone number (E.164) or identifier is `wanted`, as Chatwoot's search
        box finds them: also those that a filter does not see. Few a minute are granted
        (docs/contracts/chatwoot.md, Limits)."""
        query = quote(wanted.removeprefix("+"), safe="")
        answer = self._send("GET", f"{self._path('contacts', 'search')}?q={query}")
        found = [self._contact(row, answer) for row in self._rows(answer, "payload")]
        return [one for one in found if wanted in {one.phone, one.identifier}]

    def add_contact_inbox(self, contact_id: int, source_id: str) -> None:
        """Has a contact stand in the inbox under `source_id`; again is harmless.

        Raises ContactGone, and SourceTaken or ChatwootFailing when the source_id is another
        contact's.
        """
        body = {"inbox_id": self._inbox_id, "source_id": source_id}
        answer = self._send("POST", self._path("contacts", contact_id, "contact_inboxes"), body)
        self._expect(answer, ContactGone, taken=SourceTaken)
        self._read(answer)

    def update_contact(
        self, contact_id: int, *, name: str = "", phone: str = "", avatar: Path | None = None
    ) -> Contact:
        """Changes what is given; `phone` in E.164, `avatar` an image file. Raises ContactGone and
        PhoneTaken."""
        path = self._path("contacts", contact_id)
        wish = {"name": name[:_MAX_NAME], "phone_number": phone if _E164.fullmatch(phone) else ""}
        fields = {key: text for key, text in wish.items() if text}
        if avatar is None:
            answer = self._send("PUT", path, fields)
        else:
            answer = self._put_picture("PUT", path, fields, avatar)
        self._expect(answer, ContactGone, taken=PhoneTaken)
        return self._contact(as_dict(self._read(answer), "payload"), answer)

    # -- underneath --------------------------------------------------------------------------------

    def _put_picture(
        self, method: str, path: str, fields: Mapping[str, str], avatar: Path
    ) -> Answer:
        form = Multipart(fields, "avatar", avatar, name="avatar.jpg", mime_type="image/jpeg")
        return self._send(method, path, form=form, read_s=STORE_S)

    def _filter(self, attribute: str, values: Sequence[str]) -> list[Contact]:
        conditions = [
            {
                "attribute_key": attribute,
                "filter_operator": "equal_to",
                "values": [value],
                "query_operator": "OR",
            }
            for value in values
        ]
        if not conditions:
            return []
        del conditions[-1]["query_operator"]
        answer = self._send("POST", self._path("contacts", "filter"), {"payload": conditions})
        return [self._contact(row, answer) for row in self._rows(answer, "payload")]

    def _contact(self, row: Mapping[str, Any], answer: Answer) -> Contact:
        name, phone, identifier = (
            str(row.get(key) or "") for key in ("name", "phone_number", "identifier")
        )
        blocked = row.get("blocked") is True
        return Contact(self._id(row, answer), name, phone, identifier, blocked)
