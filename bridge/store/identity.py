"""Who is who: which chat an address leads to, and when two chats are one person.

The rules, all of them here (docs/routing.md, Who is who):

- A form of address (phone JID, LID, group JID) leads to one chat, and a chat has one form of each
  sort: two LIDs, or two numbers, are two people. The spellings of one number count as one form.
- A LID stays with its person, a number may be given to somebody else. So where both are known, the
  LID says who it is, and a newer binding moves the number to that chat.
- Two chats become one only where the one has nothing but the LID and the other nothing but the
  number that are named together now.
- What a gateway merely looked up binds what is free, and takes nothing away from anybody.
- Our own number is bound to nothing.
- A chat whose number has moved is reached by its LID, or not at all: never by that number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bridge.domain.messages import LID_SUFFIX, PHONE_SUFFIX
from bridge.store import Database
from bridge.store.columns import marks


@dataclass(frozen=True, slots=True)
class AddressForms:
    """The forms that one object of an event names together, empty for those it does not name.

    `phone` is the one spelling that numbers are stored under, `spellings` are the other ones that
    national rules allow (`bridge.gateways.numbers`), all as JIDs. `other` is a group, or what has
    no address in WhatsApp.
    """

    phone: str = ""
    lid: str = ""
    other: str = ""
    spellings: tuple[str, ...] = ()

    @classmethod
    def of(cls, forms: Iterable[str], spellings: Sequence[str] = ()) -> "AddressForms":
        """From forms of any sort, at most one of each."""
        sorts = {PHONE_SUFFIX: "", LID_SUFFIX: "", "": ""}
        for form in forms:
            sorts[next(sort for sort in sorts if form.endswith(sort))] = form
        return cls(sorts[PHONE_SUFFIX], sorts[LID_SUFFIX], sorts[""], tuple(spellings))

    @property
    def forms(self) -> list[str]:
        """All that are named."""
        return [form for form in (self.phone, self.lid, self.other) if form]

    @property
    def numbers(self) -> list[str]:
        """The number in all its spellings, the one that it is stored under first."""
        return [self.phone, *self.spellings] if self.phone else []


@dataclass(frozen=True, slots=True)
class KnownChat:
    """A chat that a form leads to, with its own number and LID; empty where it has none."""

    chat_id: int
    phone: str = ""
    lid: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Which chat is meant, None for a new one; `absorbed` is one that turns out to be the same
    person. `takes_phone`: the number that was named leads there from now on."""

    chat_id: int | None
    absorbed: int | None = None
    takes_phone: bool = True


@dataclass(frozen=True, slots=True)
class ResolvedChat:
    """The chat, and whether another one was merged into it or it into another: lanes have moved."""

    chat_id: int
    merged: bool = False


def decide(
    named: AddressForms, by_phone: KnownChat | None, by_lid: KnownChat | None, *, sure: bool = True
) -> Decision:
    """Whom an event means that names a number, a LID or both; `sure` is False for a look-up.

    `by_phone` and `by_lid` are the chats that the two forms lead to so far.
    """
    if by_lid is None:
        if by_phone is None or not named.lid or not by_phone.lid:
            return Decision(by_phone.chat_id if by_phone else None)
        return Decision(None, takes_phone=sure)  # the number was given to somebody else
    if by_phone is None:
        is_free = not by_lid.phone or by_lid.phone == named.phone
        return Decision(by_lid.chat_id, takes_phone=sure or is_free)
    if by_phone.chat_id == by_lid.chat_id:
        return Decision(by_lid.chat_id)
    if not by_phone.lid and not by_lid.phone:
        first, second = sorted((by_phone.chat_id, by_lid.chat_id))
        return Decision(first, absorbed=second)
    return Decision(by_lid.chat_id, takes_phone=sure)


def resolve(
    db: Database,
    instance_id: int,
    named: AddressForms,
    *,
    kind: str,
    address: str,
    name: str = "",
    last_in: str = "",
    last_in_sender: str = "",
    sure: bool = True,
) -> ResolvedChat:
    """The chat that is meant, found or made; bindings move, and chats become one, by the rules
    above. `address` is where its replies go from now on, as the gateway wrote it; empty: as before.
    """
    named = _without_own(db, instance_id, _learned(db, instance_id, named))
    merged = _unite_spellings(db, instance_id, named)
    by_phone, by_lid, by_other = _find(db, instance_id, named)
    if named.other:
        decision = Decision(by_other.chat_id if by_other else None)
    else:
        decision = decide(named, by_phone, by_lid, sure=sure)
    takes_phone = bool(named.phone) and decision.takes_phone
    if address.endswith(PHONE_SUFFIX) and not takes_phone:
        address = named.lid
    chat_id = decision.chat_id
    if chat_id is None:
        chat_id = int(
            db.value(
                "insert into chat (instance_id, kind, address, name) values (?, ?, ?, '') "
                "returning id",
                *(instance_id, kind, address),
            )
        )
    if decision.absorbed is not None:
        merge(db, chat_id, decision.absorbed)
        merged = True
    for form in named.forms:
        if form != named.phone or takes_phone:
            _bind(db, instance_id, chat_id, form, named.spellings)
    db.execute(
        "update chat set address = coalesce(nullif(?, ''), address), "
        "name = coalesce(nullif(?, ''), name), "
        "last_in = coalesce(nullif(?, ''), last_in), "
        "last_in_sender = coalesce(?, last_in_sender) where id = ?",
        [address, name, last_in, last_in_sender if last_in else None, chat_id],
    )
    return ResolvedChat(chat_id, merged)


def resolve_chat(
    db: Database,
    instance_id: int,
    forms: Sequence[str],
    *,
    kind: str,
    address: str,
    name: str,
) -> int:
    """The chat that the forms lead to, found or made."""
    return resolve(
        db, instance_id, AddressForms.of(forms), kind=kind, address=address, name=name
    ).chat_id


def find(db: Database, instance_id: int, named: AddressForms) -> int | None:
    """The chat that is meant, by its LID first; None when there is none."""
    by_phone, by_lid, by_other = _find(db, instance_id, _learned(db, instance_id, named))
    return next((chat.chat_id for chat in (by_lid, by_phone, by_other) if chat), None)


def chat_of(db: Database, instance_id: int, whatsapp_id: str, named: AddressForms) -> int | None:
    """The chat of a message, or else of an address; None when neither is known."""
    sql = "select chat_id from pair where instance_id = ? and whatsapp_id = ?"
    chat_id: int | None = db.value(sql, instance_id, whatsapp_id)
    return chat_id if chat_id is not None else find(db, instance_id, named)


def reached(
    db: Database,
    instance_id: int,
    chat_id: int,
    sent_to: AddressForms,
    named: AddressForms,
    address: str,
) -> bool:
    """A message to `sent_to` has reached `named`, as the gateway says: they are one person. So a
    number heals whose spelling no rule knows. Whether chats became one.

    A group, our own number, or a LID other than the one that was sent to teaches nothing.
    """
    chat_id, merged = root(db, chat_id), False
    named = _without_own(db, instance_id, named)
    is_ours = not _own(db, instance_id).isdisjoint(named.forms)
    if (
        is_ours
        or named.other
        or sent_to.other
        or (sent_to.lid and named.lid not in {"", sent_to.lid})
    ):
        return False
    chats = _find(db, instance_id, _learned(db, instance_id, sent_to))
    if chat_id not in {chat.chat_id for chat in chats if chat}:
        return False  # the address has become somebody else's meanwhile
    if sent_to.phone and named.phone and sent_to.phone != named.phone:
        merged = _learn_spelling(db, instance_id, sent_to.phone, named)
    whole = AddressForms(named.phone, named.lid or sent_to.lid, spellings=named.spellings)
    met = resolve(db, instance_id, whole, kind="private", address=address)
    return merged or met.merged


def root(db: Database, chat_id: int) -> int:
    """The chat itself, or the one that it was merged into."""
    return int(db.value("select merged_into from chat where id = ?", chat_id, default=chat_id))


def adopt(db: Database, instance_id: int, chat_id: int, named: AddressForms, address: str) -> bool:
    """An agent has said where a chat is to be found that nobody can reach: it goes on as the chat
    with that number. False where that is the number it has lost."""
    [chat] = db.rows("select lost, address from chat where id = ?", root(db, chat_id))
    if chat["address"] or named.phone == chat["lost"]:
        return False
    holder = find(db, instance_id, named)
    if holder is None:
        holder = resolve(db, instance_id, named, kind="private", address=address).chat_id
    merge(db, holder, root(db, chat_id))
    return True


def merge(db: Database, chat_id: int, other: int) -> None:
    """Two chats are one person: everything of the other goes over, its open entries as well. A
    delivery that is under way meanwhile finds its chat by `merged_into`."""
    for table in ("alias", "thread"):
        if table == "thread":
            # Where both are in one Chatwoot, the newer conversation goes on.
            db.execute(
                "delete from thread where chat_id = ? and exists (select 1 from thread t "
                "where t.integration_id = thread.integration_id and t.chat_id = ? "
                "and t.conversation_id > thread.conversation_id)",
                [chat_id, other],
            )
        db.execute(f"update or ignore {table} set chat_id = ? where chat_id = ?", [chat_id, other])
        db.execute(f"delete from {table} where chat_id = ?", [other])
    for table in ("journal", "pair", "conversation"):
        db.execute(f"update {table} set chat_id = ? where chat_id = ?", [chat_id, other])
    db.execute(
        "update chat set merged_into = ? where id = ? or merged_into = ?", [chat_id, other, other]
    )
    for column in ("name", "address", "last_in", "last_in_sender"):
        db.execute(
            f"update chat set {column} = (select {column} from chat where id = ?) "
            f"where id = ? and {column} = ''",
            [other, chat_id],
        )


def _find(
    db: Database, instance_id: int, named: AddressForms
) -> tuple[KnownChat | None, KnownChat | None, KnownChat | None]:
    """The chats that number, LID and other form lead to. A chat that an older version of us keeps
    under another spelling of the number is found as well."""
    by_phone = [_known(db, instance_id, number) for number in named.numbers]
    return (
        next((chat for chat in by_phone if chat), None),
        _known(db, instance_id, named.lid) if named.lid else None,
        _known(db, instance_id, named.other) if named.other else None,
    )


def _unite_spellings(db: Database, instance_id: int, named: AddressForms) -> bool:
    """Chats that an older version of us made for two spellings of one number become one, unless
    they have two LIDs. Whether there were any."""
    chats = [chat for form in named.numbers if (chat := _known(db, instance_id, form))]
    others = {chat.chat_id: chat for chat in chats if chat.chat_id != chats[0].chat_id}
    united = [chat for chat in others.values() if not (chat.lid and chats[0].lid)]
    for chat in united:
        merge(db, chats[0].chat_id, chat.chat_id)
    return bool(united)


def _known(db: Database, instance_id: int, form: str) -> KnownChat | None:
    rows = db.rows(
        "select chat_id, form from alias where chat_id = "
        "(select chat_id from alias where instance_id = ? and form = ?)",
        *(instance_id, form),
    )
    if not rows:
        return None
    named = AddressForms.of(row["form"] for row in rows)
    return KnownChat(rows[0]["chat_id"], named.phone, named.lid)


def _bind(
    db: Database, instance_id: int, chat_id: int, form: str, spellings: Sequence[str]
) -> None:
    """The form leads to the chat from now on, instead of the chat's form of that sort so far. Who
    loses a number is reached by the LID, or not at all."""
    domain = form.rpartition("@")[2] if "@" in form else ""
    before = db.values(
        "delete from alias where chat_id = ? and form <> ? and form like ? returning form",
        *(chat_id, form, f"%@{domain}" if domain else "%"),
    )
    if before and form.endswith(PHONE_SUFFIX):
        db.execute("update chat set lost = ? where id = ?", [before[0], chat_id])
    moved = [form, *spellings] if form.endswith(PHONE_SUFFIX) else [form]
    db.execute(
        "update chat set lost = ?, address = coalesce((select form from alias "
        f"where chat_id = chat.id and form not in ({marks(moved)})), '') where id <> ? and id in "
        f"(select chat_id from alias where instance_id = ? and form in ({marks(moved)}))",
        [form, *moved, chat_id, instance_id, *moved],
    )
    db.execute(
        f"delete from alias where instance_id = ? and form in ({marks(moved)})",
        [instance_id, *moved],
    )
    db.execute(
        "insert into alias (instance_id, form, chat_id) values (?, ?, ?)",
        [instance_id, form, chat_id],
    )
    db.execute("update chat set lost = '' where id = ? and lost = ?", [chat_id, form])


def _learned(db: Database, instance_id: int, named: AddressForms) -> AddressForms:
    """With the number under which WhatsApp knows it, where a send has shown that."""
    for number in named.numbers:
        sql = "select phone from spelling where instance_id = ? and form = ?"
        phone = db.value(sql, instance_id, number, default=named.phone)
        if phone != named.phone:
            return AddressForms(phone, named.lid, named.other)
    return named


def _learn_spelling(db: Database, instance_id: int, written: str, named: AddressForms) -> bool:
    """A number that was written so is `named.phone` in WhatsApp. Whether two chats became one."""
    as_written = _known(db, instance_id, written)
    db.execute(
        "delete from spelling where instance_id = ? and form = ?", [instance_id, named.phone]
    )
    db.execute(
        "update spelling set phone = ? where instance_id = ? and phone = ?",
        [named.phone, instance_id, written],
    )
    spelling = {"instance_id": instance_id, "form": written, "phone": named.phone}
    db.put("spelling", spelling, key="instance_id, form")
    if as_written is None:
        return False
    by_phone = _find(db, instance_id, named)[0]
    if by_phone is None:
        _bind(db, instance_id, as_written.chat_id, named.phone, named.spellings)
        return False
    if by_phone.chat_id == as_written.chat_id:
        return False
    if as_written.lid and by_phone.lid:  # two people: the number is the other one's
        _bind(db, instance_id, by_phone.chat_id, named.phone, (*named.spellings, written))
        return False
    db.execute("delete from alias where instance_id = ? and form = ?", [instance_id, written])
    first, second = sorted((by_phone.chat_id, as_written.chat_id))
    merge(db, first, second)
    return True


def _without_own(db: Database, instance_id: int, named: AddressForms) -> AddressForms:
    """Without our own number and LID, which say nothing about anybody else; a chat with ourselves
    has nothing besides."""
    own = _own(db, instance_id)
    if named.phone in own and named.lid:
        return AddressForms(lid=named.lid)
    if named.lid in own and named.phone:
        return AddressForms(phone=named.phone, spellings=named.spellings)
    return named


def _own(db: Database, instance_id: int) -> set[str]:
    row = db.row("select own_phone, own_lid from instance where id = ?", instance_id)
    return set((row or {}).values()) - {""}
