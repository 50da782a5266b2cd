"""What people ask the journal: where a message is; and what they decide about those that failed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.domain.errors import BridgeError
from bridge.store import Database, Store
from bridge.store.chats import PAIRS_OF_CHATWOOT
from bridge.store.columns import marks, names
from bridge.store.committer import Committer
from bridge.store.journal import MESSAGES, MINOR, OPEN, Job, State, Try
from bridge.store.stats import UNDONE

#: How far back a text is searched for, in entries: reading them all would take too long.
TEXT_DEPTH = 200_000
#: Chats of a search at most, the newest: a few digits may fit them all.
CHATS = 200


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of the journal as people see it. Times are UTC seconds, 0 for not yet."""

    id: int
    instance_id: int
    instance: str
    chat_id: int
    chat: str
    address: str
    job: Job
    state: State
    key: str
    text: str
    attempts: int
    error: BridgeError | None
    received_at: float
    due_at: float
    sent_at: float
    done_at: float


@dataclass(frozen=True, slots=True)
class DeliveryReceipt:
    """How far a message came on WhatsApp; `at` is the phone's time, UTC seconds."""

    whatsapp_id: str
    reached: str
    at: float


@dataclass(frozen=True, slots=True)
class LinkedMessage:
    """The two ids of a message, and where it is in Chatwoot."""

    whatsapp_id: str
    integration_id: str
    conversation_id: int
    chatwoot_id: int


@dataclass(frozen=True, slots=True)
class Trace:
    """What happened to one message. `written_at` is the time that its sender's side gave it."""

    item: Item
    written_at: float
    tries: tuple[Try, ...]
    links: tuple[LinkedMessage, ...]
    receipts: tuple[DeliveryReceipt, ...]
    conversation_id: int


_TEXT = "coalesce(json_extract(j.body, '$.text'), json_extract(j.body, '$.message.text'), '')"
_ITEM = f"""select j.id, j.instance_id, i.name as instance, j.chat_id, c.name as chat, c.address,
    j.job, j.state, j.key, {_TEXT} as text, j.attempts, j.reason as error, j.received_at,
    j.due_at, coalesce(j.sent_at, 0) as sent_at, coalesce(j.done_at, 0) as done_at
    from journal j join instance i on i.id = j.instance_id join chat c on c.id = j.chat_id"""
#: The plus: SQLite must not walk through the whole journal only because that has the order.
_SORTED = "order by +j.id"
#: The few that are not done. Left alone, SQLite would read the whole journal for the sake of order.
_UNDONE_ITEM = _ITEM.replace("from journal j", "from journal j indexed by journal_state")


#: An entry waits once more, with all its patience.
_AGAIN = "state = 'ready', due_at = 0, source = null, held_s = 0, received_at = ?"


class Search:
    """Questions and decisions of the operator."""

    def __init__(self, store: Store, committer: Committer) -> None:
        self._store, self._committer = store, committer

    # -- where a message is ------------------------------------------------------------------------

    def in_state(
        self, states: Iterable[State], *, instance_id: int | None = None, limit: int = 200
    ) -> list[Item]:
        """What is in one of these states and not done, newest first."""
        wanted = ", ".join(f"'{state.value}'" for state in states)
        return self._store.db.all(
            Item,
            f"{_UNDONE_ITEM} where {UNDONE} and j.job not in {MINOR} and j.state in ({wanted}) "
            "and j.instance_id = coalesce(?, j.instance_id) order by j.id desc limit ?",
            *(instance_id, limit),
        )

    def in_line(self, *, instance_id: int | None = None, limit: int = 200) -> list[Item]:
        """Messages that wait for their turn, oldest first."""
        return self._store.db.all(
            Item,
            f"{_UNDONE_ITEM} where {UNDONE} and j.job in {MESSAGES} "
            "and j.state in ('ready', 'sending') "
            "and j.instance_id = coalesce(?, j.instance_id) order by j.id limit ?",
            *(instance_id, limit),
        )

    def item(self, entry_id: int) -> Item | None:
        return self._store.db.first(Item, f"{_ITEM} where j.id = ?", entry_id)

    def search(
        self, text: str, *, digits: Sequence[str], with_contents: bool, limit: int
    ) -> list[Item]:
        """What has to do with a phone number (`digits` are its forms), a name, an id of either side
        or words of the text; newest first."""
        ids: set[int] = set()
        for sql, params in _searches(text, digits, with_contents):
            ids |= set(self._store.db.values(f"{sql} desc limit ?", *params, limit))
        if not ids:
            return []
        newest = sorted(ids, reverse=True)[:limit]
        sql = f"{_ITEM} where j.id in ({marks(newest)}) order by j.id desc"
        return self._store.db.all(Item, sql, *newest)

    def trace(self, entry_id: int) -> Trace | None:
        """What has happened to one message so far."""
        item = self.item(entry_id)
        if item is None:
            return None
        tries = self._store.db.all(
            Try,
            "select began_at, seconds, outcome, reason as error from try where journal_id = ? "
            "order by began_at, rowid",
            entry_id,
        )
        [body] = self._store.db.rows(
            "select coalesce(json_extract(body, '$.at'), "
            "json_extract(body, '$.message.created_at'), json_extract(body, '$.message.at'), 0) "
            "as written_at, "
            "coalesce(json_extract(body, '$.message.conversation_id'), 0) as conversation_id "
            "from journal where id = ?",
            entry_id,
        )
        links = self._links(item)
        return Trace(
            item=item,
            written_at=float(body["written_at"]),
            tries=tuple(tries),
            links=tuple(links),
            receipts=tuple(receipt for link in links for receipt in self._receipts(item, link)),
            conversation_id=body["conversation_id"]
            or next((link.conversation_id for link in links), 0),
        )

    def _links(self, item: Item) -> list[LinkedMessage]:
        if item.job is Job.REPLY:
            pairs = PAIRS_OF_CHATWOOT
            value = int("".join(filter(str.isdigit, item.key.partition(":")[0])) or "0")
            sql = (
                "select coalesce(nullif(j.integration_id, ''), i.id) from journal j "
                "left join integration i on i.instance_id = j.instance_id where j.id = ?"
            )
            owner = self._store.db.value(sql, item.id)
        else:
            # A receipt has the id of its message for a key.
            message = "(select coalesce(message_id, key) from journal where id = ?)"
            pairs = f"pair where instance_id = ? and whatsapp_id = {message}"
            value, owner = item.id, item.instance_id
        sql = f"select {names(LinkedMessage)} from {pairs}"
        return self._store.db.all(LinkedMessage, sql, owner, value)

    def _receipts(self, item: Item, link: LinkedMessage) -> list[DeliveryReceipt]:
        return self._store.db.all(
            DeliveryReceipt,
            "select key as whatsapp_id, json_extract(body, '$.reached') as reached, "
            "json_extract(body, '$.at') as at from journal "
            "where instance_id = ? and job = 'receipt' and key = ?",
            *(item.instance_id, link.whatsapp_id),
        )

    # -- what people decide ------------------------------------------------------------------------

    def replay(self, ids: Sequence[int], *, now: float) -> list[int]:
        """Dead letters are tried again, with all their patience; gives those that were dead."""
        # Whether an earlier try did arrive is looked for, where that can be done.
        doubtful = "doubtful = (job <> 'reply')"
        changes = f"{_AGAIN}, attempts = 0, {doubtful}, done_at = null, shown = 0"
        return self._move(ids, "state = 'dead'", changes, now)

    def discard(self, ids: Sequence[int], *, now: float) -> list[int]:
        """Given up for good; gives those that were not done and not just being sent."""
        condition = "state in ('dead', 'unconfirmed', 'ready')"
        return self._move(ids, condition, "state = 'discarded', done_at = ?", now)

    def settle_sent(self, ids: Sequence[int], *, now: float) -> list[int]:
        """A person has seen that an unconfirmed message is on WhatsApp."""
        return self._move(ids, "state = 'unconfirmed'", "state = 'done', done_at = ?", now)

    def bodies(self, ids: Sequence[int]) -> list[tuple[str, str]]:
        """What these entries hold, each with the id of its integration."""
        sql = f"select body, integration_id from journal where id in ({marks(ids)})"
        return [(row["body"], row["integration_id"]) for row in self._store.db.rows(sql, *ids)]

    def send_again(self, ids: Sequence[int], *, now: float) -> list[int]:
        """A person has seen that an unconfirmed message is not on WhatsApp."""
        return self._move(ids, "state = 'unconfirmed'", _AGAIN, now)

    def dead_ids(self, instance_id: int) -> list[int]:
        """Every dead letter of an instance, oldest first."""
        return self._store.db.values(
            f"select id from journal where {UNDONE} and state = 'dead' and instance_id = ? "
            "order by id",
            instance_id,
        )

    def doubt_all(self, unproven: Sequence[int], *, doubt: str, now: float) -> None:
        """After a restore nothing that is open is certain: Chatwoot may have it by now, and is
        asked before it, or WhatsApp, is told again. How its clock stands to that of this machine is
        not known either.

        In the instances `unproven` it cannot be asked about replies: for `doubt` (an error for the
        database) the operator decides about those that are open, and about those that were written
        until `now` and will be found."""

        def work(db: Database) -> None:
            db.execute(f"update journal set doubtful = 1 where state in {OPEN}")
            db.execute("delete from chatwoot_clock")
            for instance_id in unproven:
                db.execute(
                    "update journal set state = 'unconfirmed', source = null, reason = ? "
                    f"where instance_id = ? and job = 'reply' and state in {OPEN}",
                    [doubt, instance_id],
                )
                restored = "update integration set restored_at = ? where instance_id = ?"
                db.execute(restored, [now, instance_id])

        self._committer.run(work)

    def _move(self, ids: Sequence[int], condition: str, changes: str, now: float) -> list[int]:
        """The entries of which the condition was true; `changes` holds one place, for `now`."""
        sql = f"update journal set {changes} where id = ? and {condition}"
        return self._committer.run(
            lambda db: [entry_id for entry_id in ids if db.execute(sql, [now, entry_id]).rowcount]
        )


def _searches(
    text: str, digits: Sequence[str], with_contents: bool
) -> Iterable[tuple[str, list[Any]]]:
    """Each way in which a text may point to entries."""
    seen = f"select j.id from journal j where j.job in {MESSAGES} and j.chat_id in"
    chats = f"order by id desc limit {CHATS}"
    for number in digits:
        form = "select chat_id from alias where instr(form, ?) > 0"
        yield f"{seen} (select id from chat where id in ({form}) {chats}) {_SORTED}", [number]
    name = "select id from chat where name like ? escape '\\'"
    yield f"{seen} ({name} {chats}) {_SORTED}", [_like(text)]
    # By the message that an entry is about, and those of its twin on the other side; from the
    # instances on, because every index of ids begins with the instance.
    key = "select j.id from instance i cross join journal j on j.instance_id = i.id"
    yield f"{key} and j.message_id = ? {_SORTED}", [text]
    twin = "select j.id from instance i cross join pair p on p.instance_id = i.id"
    entry = "cross join journal j on j.instance_id = i.id and j.job"
    yield (
        f"{twin} and p.whatsapp_id = ? {entry} = 'reply' "
        "and j.integration_id in ('', p.integration_id) "
        f"and j.key between 'm' || p.chatwoot_id || ':' and 'm' || p.chatwoot_id || ':~' {_SORTED}",
        [text],
    )
    if text.isascii() and text.isdigit() and len(text) < 19:
        yield (
            "select j.id from pair p indexed by pair_chatwoot cross join journal j "
            "on j.instance_id = p.instance_id and j.message_id = p.whatsapp_id "
            f"where p.chatwoot_id = ? {_SORTED}",
            [int(text)],
        )
        yield (
            f"{key} and j.job = 'reply' and j.key between ? and ? {_SORTED}",
            [f"m{text}:", f"m{text}:~"],
        )
    if with_contents:
        yield (
            f"select j.id from journal j where j.id > (select max(id) from journal) - {TEXT_DEPTH} "
            f"and j.job in {MESSAGES} and {_TEXT} like ? escape '\\' "
            "order by j.id",  # walks back from the newest, and stops at the last that is wanted
            [_like(text)],
        )


def _like(text: str) -> str:
    for special in "\\%_":
        text = text.replace(special, f"\\{special}")
    return f"%{text}%"
