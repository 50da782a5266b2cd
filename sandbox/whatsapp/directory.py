"""Who exists on the pretend WhatsApp: people, their LIDs, groups; and how an address is read.

Rules: docs/contracts/ryzeapi.md, Addresses.
"""

import json
import re
from dataclasses import dataclass, replace

from sandbox.gateways.ryzeapi.wire import Refusal
from sandbox.whatsapp.store import Store

PHONE_SUFFIX = "@s.whatsapp.net"
LID_SUFFIX = "@lid"
GROUP_SUFFIX = "@g.us"


@dataclass(frozen=True)
class Person:
    """A WhatsApp user; `lid` is None for one whose LID nobody has seen."""

    jid: str
    name: str
    lid: str | None = None
    registered: bool = True

    @property
    def number(self) -> str:
        return self.jid.partition("@")[0]


@dataclass(frozen=True)
class Group:
    """A group; `members` are phone JIDs of people."""

    jid: str
    name: str
    members: tuple[str, ...]


def plain(address: str) -> str:
    """The address without a device suffix: `123:57@lid` becomes `123@lid`."""
    return re.sub(r":\d+@", "@", address.strip())


def variants(number: str) -> list[str]:
    """The number as it is, and with or without the ninth digit if it is a Brazilian mobile."""
    if re.fullmatch(r"55\d\d9\d{8}", number):
        return [number, number[:4] + number[5:]]
    if re.fullmatch(r"55\d\d[6-9]\d{7}", number):
        return [number, f"{number[:4]}9{number[4:]}"]
    return [number]


class Directory:
    """All people and groups, held in memory and written through to the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = store.lock  # one lock for all: two could wait for each other
        self.load()

    def load(self) -> None:
        """Read everything anew from the store."""
        with self._lock:
            self._people = {
                row["jid"]: Person(row["jid"], row["name"], row["lid"], bool(row["registered"]))
                for row in self._store.rows("select * from person")
            }
            self._by_lid = {who.lid: who.jid for who in self._people.values() if who.lid}
            self._groups = {
                row["jid"]: Group(row["jid"], row["name"], tuple(json.loads(row["members"])))
                for row in self._store.rows("select * from chat_group")
            }

    def people(self) -> list[Person]:
        with self._lock:
            return list(self._people.values())

    def groups(self) -> list[Group]:
        with self._lock:
            return list(self._groups.values())

    def save_person(self, person: Person) -> Person:
        """Add a person or replace the one with that JID; ValueError when the LID is another's."""
        with self._lock:
            if person.lid and self._by_lid.get(person.lid, person.jid) != person.jid:
                raise ValueError(f"{person.lid} belongs to somebody else")
            self._store.run(
                "insert or replace into person values (?, ?, ?, ?)",
                person.jid, person.lid, person.name, int(person.registered),
            )  # fmt: skip
            known = self._people.get(person.jid)
            if known and known.lid:
                self._by_lid.pop(known.lid, None)
            self._people[person.jid] = person
            if person.lid:
                self._by_lid[person.lid] = person.jid
        return person

    def save_group(self, group: Group) -> Group:
        with self._lock:
            self._store.run(
                "insert or replace into chat_group values (?, ?, ?)",
                group.jid, group.name, json.dumps(group.members),
            )  # fmt: skip
            self._groups[group.jid] = group
        return group

    def person(self, address: str) -> Person | None:
        """The registered person behind a number, a phone JID or a LID; None when there is none."""
        local, at, _ = plain(address).partition("@")
        with self._lock:
            if address.endswith(LID_SUFFIX):
                found = self._people.get(self._by_lid.get(local + LID_SUFFIX, ""))
                return found if found and found.registered else None
            if at and not address.endswith(PHONE_SUFFIX):
                return None
            for number in variants(local):
                found = self._people.get(number + PHONE_SUFFIX)
                if found and found.registered:
                    return found
        return None

    def group(self, address: str) -> Group | None:
        with self._lock:
            return self._groups.get(address)

    def find(self, address: str) -> Person | Group | None:
        return self.group(address) if address.endswith(GROUP_SUFFIX) else self.person(address)

    def meet(self, address: str, name: str = "") -> Person:
        """The person behind an address, made known first when it is a number nobody had.

        A new `name` replaces the old one.  ValueError when the address is not a phone number.
        """
        found = self.person(address)
        if found is None:
            number = re.sub(r"[^\d]", "", plain(address).removesuffix(PHONE_SUFFIX))
            if "@" in address.removesuffix(PHONE_SUFFIX) or not 7 <= len(number) <= 15:
                raise ValueError(f"{address!r} is not a phone number")
            return self.save_person(Person(number + PHONE_SUFFIX, name or number))
        return (
            self.save_person(replace(found, name=name)) if name not in ("", found.name) else found
        )

    def recipient(self, number: str, *, accept_unknown: bool) -> Person | Group:
        """Whom a `number` of the API names; refused with 400 when nobody."""
        address = plain(number)
        if address.endswith("@newsletter"):
            raise Refusal(400, "Newsletters are not available in the sandbox")
        if not re.fullmatch(r"[\d-]+(@(s\.whatsapp\.net|lid|g\.us))?", address):
            raise Refusal(400, f"Invalid number: {number}")
        found = self.find(address)
        if found is not None:
            return found
        if accept_unknown and not address.endswith((LID_SUFFIX, GROUP_SUFFIX)):
            return self.meet(address)
        raise Refusal(400, f"Number {number} is not on WhatsApp")
