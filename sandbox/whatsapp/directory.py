"""Who exists on the pretend WhatsApp: people, their LIDs, groups; and how an address is read."""

import json
import re
import sqlite3
from dataclasses import dataclass, replace

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
    """All people and groups, oldest first."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def people(self) -> list[Person]:
        return [_person(row) for row in self._store.rows("select * from person order by rowid")]

    def groups(self) -> list[Group]:
        return [_group(row) for row in self._store.rows("select * from chat_group order by rowid")]

    def save_person(self, person: Person) -> Person:
        """Add a person or replace the one with that JID; ValueError when the LID is another's."""
        try:
            self._store.run(
                "insert into person values (?, ?, ?, ?) on conflict (jid) do update set"
                " lid = excluded.lid, name = excluded.name, registered = excluded.registered",
                person.jid, person.lid, person.name, int(person.registered),
            )  # fmt: skip
        except sqlite3.IntegrityError:
            raise ValueError(f"{person.lid} belongs to somebody else") from None
        return person

    def save_group(self, group: Group) -> Group:
        self._store.run(
            "insert into chat_group values (?, ?, ?) on conflict (jid) do update set"
            " name = excluded.name, members = excluded.members",
            group.jid, group.name, json.dumps(group.members),
        )  # fmt: skip
        return group

    def person(self, address: str) -> Person | None:
        """The registered person behind a number, a phone JID or a LID; None when there is none."""
        local, at, suffix = plain(address).partition("@")
        if at + suffix not in ("", PHONE_SUFFIX, LID_SUFFIX):
            return None
        column = "lid" if at + suffix == LID_SUFFIX else "jid"
        numbers = [local] if column == "lid" else variants(local)
        for number in numbers:
            row = self._store.row(
                f"select * from person where {column} = ? and registered",  # noqa: S608
                number + (LID_SUFFIX if column == "lid" else PHONE_SUFFIX),
            )
            if row:
                return _person(row)
        return None

    def group(self, address: str) -> Group | None:
        row = self._store.row("select * from chat_group where jid = ?", address)
        return _group(row) if row else None

    def find(self, address: str) -> Person | Group | None:
        return self.group(address) if address.endswith(GROUP_SUFFIX) else self.person(address)

    def meet(self, address: str, name: str = "") -> Person:
        """The person behind an address, made known (or renamed) if need be. Raises ValueError."""
        with self._store.lock:
            person = self.person(address)
            if person is None:
                number = re.sub(r"[^\d]", "", plain(address).removesuffix(PHONE_SUFFIX))
                if "@" in address.removesuffix(PHONE_SUFFIX) or not 7 <= len(number) <= 15:
                    raise ValueError(f"{address!r} is not a phone number")
                return self.save_person(Person(number + PHONE_SUFFIX, name or number))
            renamed = name not in ("", person.name)
            return self.save_person(replace(person, name=name)) if renamed else person


def _person(row: sqlite3.Row) -> Person:
    return Person(row["jid"], row["name"], row["lid"], bool(row["registered"]))


def _group(row: sqlite3.Row) -> Group:
    return Group(row["jid"], row["name"], tuple(json.loads(row["members"])))
