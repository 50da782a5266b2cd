"""Chats: what they are called in WhatsApp and where they are in Chatwoot; and the pairs of ids.

Which chat an address leads to says `bridge.store.identity`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bridge.store import Database, Store, conversation_links, identity
from bridge.store.columns import marks, names
from bridge.store.committer import Committer
from bridge.store.conversation_links import ConversationLink
from bridge.store.identity import AddressForms
from bridge.store.journal import MessageLink


@dataclass(frozen=True, slots=True)
class Chat:
    """`address` is where replies go: the one that the chat used last, empty where its number has
    become somebody else's and nothing else is known. `kind`: private or group.

    `last_in` is the newest message that the customer has not been shown as read, as the gateway
    refers to it, empty without one; `last_in_sender` the member of the group who wrote it. `lost`
    is the number that it had before (a JID), where another one took its place or somebody else has
    it now.
    """

    id: int
    instance_id: int
    kind: str
    address: str
    name: str
    last_in: str
    last_in_sender: str
    lost: str = ""


#: The WhatsApp messages that a Chatwoot message became, for an integration and an id there. Left to
#: itself SQLite reads all pairs of it: it takes any leading part of a key for few rows.
PAIRS_OF_CHATWOOT = "pair indexed by pair_chatwoot where integration_id = ? and chatwoot_id = ?"
#: A chat itself, or the one that it was merged into; its id is wanted twice.
_ROOT = "coalesce((select merged_into from chat where id = ?), ?)"
_REACHED = "update pair set reached = ? where instance_id = ? and whatsapp_id = ?"


class Chats:
    def __init__(self, store: Store, committer: Committer) -> None:
        self._store, self._committer = store, committer

    def get(self, chat_id: int) -> Chat:
        """The chat with that id, or the one that it was merged into."""
        sql = f"select {names(Chat)} from chat where id = {_ROOT}"
        [chat] = self._store.db.all(Chat, sql, chat_id, chat_id)
        return chat

    def forms(self, chat_id: int) -> list[str]:
        """Every form of address that leads to the chat."""
        sql = f"select form from alias where chat_id = {_ROOT} order by form"
        return self._store.db.values(sql, chat_id, chat_id)

    def thread(self, integration_id: str, chat_id: int) -> ConversationLink | None:
        where = f"where integration_id = ? and chat_id = {_ROOT}"
        place = (integration_id, chat_id, chat_id)
        return conversation_links.find(self._store.db, where, *place)

    def thread_of_conversation(
        self, integration_id: str, conversation_id: int
    ) -> ConversationLink | None:
        where = "indexed by thread_conversation where integration_id = ? and conversation_id = ?"
        place = (integration_id, conversation_id)
        return conversation_links.find(self._store.db, where, *place)

    def save_thread(self, thread: ConversationLink) -> None:
        self._committer.run(lambda db: conversation_links.save(db, thread))

    def note_status(
        self, integration_id: str, conversation_id: int, status: str, *, contact_id: int = 0
    ) -> None:
        """A conversation was opened, resolved, snoozed ..., or went over to the contact that its
        own was merged into; `contact_id` is 0 where it is not told."""
        link = self.thread_of_conversation(integration_id, conversation_id)
        if link is None:
            return
        contact_id = contact_id or link.contact_id
        if (link.status, link.contact_id) == (status, contact_id):
            return  # Chatwoot tells of every little change of a conversation
        # The contact that it went over to has a name of its own.
        given_name = link.given_name if contact_id == link.contact_id else ""
        self._committer.change(
            "update thread set status = ?, contact_id = ?, given_name = ? "
            "where integration_id = ? and conversation_id = ?",
            *(status, contact_id, given_name, integration_id, conversation_id),
        )

    def note_checked(self, integration_id: str, chat_id: int, message_id: int) -> None:
        """All of Chatwoot's messages up to this one have been looked at."""
        self._note(
            "update thread set checked_id = max(checked_id, ?) "
            "where integration_id = ? and chat_id = ?",
            [message_id, integration_id, chat_id],
        )

    def lower_checked(
        self, integration_id: str, chat_id: int, checked_id: int, newest_id: int
    ) -> None:
        """The mark stood at `checked_id`, above the newest message that there is."""
        self._committer.change(
            "update thread set checked_id = ? "
            "where integration_id = ? and chat_id = ? and checked_id = ?",
            *(newest_id, integration_id, chat_id, checked_id),
        )

    def newest_before(self, place: tuple[str, int, int], entry_id: int) -> int | None:
        """The newest Chatwoot id of a place (integration, chat, conversation) that was known before
        an entry of the journal was tried for the first time, 0 when none was; None for an entry
        that was never tried."""
        tried_at = self._store.db.value(
            "select min(began_at) from try where journal_id = ?", entry_id
        )
        return None if tried_at is None else self._newest(place, "noted_at < ?", tried_at)

    def forget_contact(self, integration_id: str, contact_id: int) -> None:
        """A contact was deleted in Chatwoot: it is looked up anew."""
        self._committer.change(
            "update thread set contact_id = 0, conversation_id = 0, status = '' "
            "where integration_id = ? and contact_id = ?",
            *(integration_id, contact_id),
        )

    def forget_conversation(self, integration_id: str, conversation_id: int) -> None:
        """A conversation was deleted in Chatwoot, perhaps with its contact: both are looked up
        anew."""

        def work(db: Database) -> None:
            place = [integration_id, conversation_id]
            which = "where integration_id = ? and conversation_id = ?"
            sql = "update thread set contact_id = 0, conversation_id = 0, status = ''"
            db.execute(f"{sql} {which}", place)
            db.execute(f"delete from conversation {which}", place)

        self._committer.run(work)

    def conversations_of_contact(self, integration_id: str, contact_id: int) -> list[int]:
        """The conversations that are known to be a contact's."""
        return self._store.db.values(
            "select conversation_id from thread "
            "where integration_id = ? and contact_id = ? and conversation_id > 0",
            *(integration_id, contact_id),
        )

    def newest_conversation(self, integration_id: str) -> int:
        """The newest conversation that is known; 0 for none."""
        sql = (
            "select max(conversation_id) from thread indexed by thread_conversation "
            "where integration_id = ?"
        )
        return int(self._store.db.value(sql, integration_id, default=0))

    def note_given_name(self, integration_id: str, chat_id: int, name: str) -> None:
        """The name that we gave the contact; empty: it is somebody else's matter now."""
        self._committer.change(
            "update thread set given_name = ? where integration_id = ? and chat_id = ?",
            *(name, integration_id, chat_id),
        )

    def meet(self, chat: Chat, named: AddressForms) -> int:
        """The chat, known under further forms of its address, as the gateway says that was asked
        for them; another one when it was met there before, and both are one from now on."""

        def work(db: Database) -> int:
            met = identity.resolve(
                db, chat.instance_id, named, kind=chat.kind, address="", name=chat.name, sure=False
            )
            return met.chat_id

        return self._committer.run(work)

    def reached(self, chat: Chat, sent_to: AddressForms, named: AddressForms, address: str) -> bool:
        """A message to the chat has reached that address; whether two chats became one."""
        return self._committer.run(
            lambda db: identity.reached(db, chat.instance_id, chat.id, sent_to, named, address)
        )

    def adopt(self, chat: Chat, named: AddressForms, address: str) -> bool:
        """An agent says where a chat is to be found that nobody can reach; False where that is the
        number it has lost."""
        return self._committer.run(
            lambda db: identity.adopt(db, chat.instance_id, chat.id, named, address)
        )

    def is_one_person(self, instance_id: int, forms: Sequence[str], others: Sequence[str]) -> bool:
        """Whether forms of two sorts lead to one chat."""
        return self._store.db.has(
            "select 1 from alias a join alias b on b.instance_id = a.instance_id "
            f"and b.chat_id = a.chat_id and b.form in ({marks(others)}) "
            f"where a.instance_id = ? and a.form in ({marks(forms)})",
            *(*others, instance_id, *forms),
        )

    def spellings(self, instance_id: int, phone: str) -> list[str]:
        """How a number (as a JID) is written elsewhere, as sends have shown."""
        sql = "select form from spelling where instance_id = ? and phone = ?"
        return self._store.db.values(sql, instance_id, phone)

    def is_free(self, integration_id: str, chat_id: int, *, conversation_id: int) -> bool:
        """Whether a conversation may become the chat's: it is, or is nobody's."""
        sql = "select chat_id from conversation where integration_id = ? and conversation_id = ?"
        owner = self._store.db.value(sql, integration_id, conversation_id)
        return owner is None or owner == self.get(chat_id).id

    def is_of_another(
        self, integration_id: str, chat_id: int, *, contact_id: int = 0, source_id: str = ""
    ) -> bool:
        """Whether a contact, or its place in our inbox, is known to be another chat's, or must be
        taken for it: the number that it was found by was another chat's before."""
        chat = (chat_id, chat_id)
        return self._store.db.has(
            "select 1 from thread where integration_id = ? and contact_id = nullif(?, 0) "
            f"and chat_id <> {_ROOT} union all "
            "select 1 from thread where integration_id = ? and source_id = nullif(?, '') "
            f"and chat_id <> {_ROOT} union all "
            "select 1 from alias join chat indexed by chat_lost on chat.lost = alias.form "
            "and chat.instance_id = alias.instance_id and chat.merged_into is null "
            f"and chat.id <> alias.chat_id where alias.chat_id = {_ROOT}",
            *(integration_id, contact_id, *chat, integration_id, source_id, *chat, *chat),
        )

    def note_read(self, chat_id: int, reference: str) -> None:
        """The customer has been shown that this message was read."""
        self._note(
            "update chat set last_in = '' where id = ? and last_in = ?",
            [chat_id, reference],
        )

    def pair(self, instance_id: int, whatsapp_id: str) -> MessageLink | None:
        pairs = self._pairs(
            "pair where instance_id = ? and whatsapp_id = ?", instance_id, whatsapp_id
        )
        return pairs[0] if pairs else None

    def pieces(self, instance_id: int, whatsapp_id: str) -> list[MessageLink]:
        """The pairs of every message that one WhatsApp message became in Chatwoot, in order of
        their ids there: the first has its id, others the id, `#` and what they are."""
        return self._pairs(
            "pair where instance_id = ? and (whatsapp_id = ? "
            "or (whatsapp_id > ? and whatsapp_id < ?)) order by chatwoot_id",
            *(instance_id, whatsapp_id, f"{whatsapp_id}#", f"{whatsapp_id}$"),
        )

    def changes(self, instance_id: int, whatsapp_id: str) -> list[MessageLink]:
        """The pairs of the edits of a message: the id of each begins with its message's."""
        return self._pairs(
            "pair where instance_id = ? and whatsapp_id > ? and whatsapp_id < ? "
            "order by chatwoot_id",
            *(instance_id, f"edit:{whatsapp_id}:", f"edit:{whatsapp_id};"),
        )

    def pairs_of_chatwoot(self, integration_id: str, chatwoot_id: int) -> list[MessageLink]:
        """The WhatsApp messages that a Chatwoot message became."""
        return self._pairs(PAIRS_OF_CHATWOOT, integration_id, chatwoot_id)

    def newest_from_customer(self, place: tuple[str, int, int]) -> int:
        """The newest Chatwoot id of what the customer wrote in a place (integration, chat,
        conversation); 0 when there is none."""
        return self._newest(place, "from_me = 0")

    def note_reached(self, instance_id: int, whatsapp_id: str, reached: str) -> None:
        """How far Chatwoot has been told that a message has come."""
        self._note(_REACHED, [reached, instance_id, whatsapp_id])

    def note_deleted(self, instance_id: int, whatsapp_id: str) -> None:
        """The message is deleted on both sides, or is about to be."""
        self._committer.change(_REACHED, "deleted", instance_id, whatsapp_id)

    def _newest(self, place: tuple[str, int, int], condition: str, *params: object) -> int:
        sql = (
            "select max(chatwoot_id) from pair where integration_id = ? and chat_id = ? "
            f"and conversation_id = ? and {condition}"
        )
        return int(self._store.db.value(sql, *place, *params, default=0))

    def _pairs(self, source: str, *params: object) -> list[MessageLink]:
        return self._store.db.all(
            MessageLink, f"select {names(MessageLink)} from {source}", *params
        )

    def _note(self, sql: str, params: list[Any]) -> None:
        """For what is only looked up, marked or told once more when a crash loses it."""
        self._committer.along(lambda db: db.execute(sql, params))


def contact_of(db: Database, integration_id: str, chat_id: int) -> int:
    """The contact of a chat in a Chatwoot, 0 while it has none."""
    sql = "select contact_id from thread where integration_id = ? and chat_id = ?"
    return int(db.value(sql, integration_id, chat_id, default=0))


def rename(db: Database, instance_id: int, form: str, name: str) -> None:
    db.execute(
        "update chat set name = ? where id = "
        "(select chat_id from alias where instance_id = ? and form = ?)",
        [name, instance_id, form],
    )
