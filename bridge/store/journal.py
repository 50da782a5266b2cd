"""The journal: every message that was accepted, until it has arrived, and after.

One narrow interface (`Journal`), so that another engine can stand behind it. What it promises, and
what its contract suite demands of every engine: an entry is durable when `accept` returns; a key is
accepted once; a lane (job and chat, or one file) gives out one entry at a time, lowest position
first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bridge.domain.errors import BridgeError


class Job(StrEnum):
    """What an entry asks for. The entries of one job and chat are a lane, but each file has one of
    its own."""

    MESSAGE = "message"  #: What a customer wrote goes to Chatwoot.
    FILE = "file"  #: The file of a message goes there after its words.
    RECEIPT = "receipt"  #: What has become of a reply goes there.
    PROFILE = "profile"  #: A contact there gets the name, picture and number of WhatsApp.
    REPLY = "reply"  #: What an agent wrote or deleted goes to WhatsApp.
    TYPING = "typing"  #: That an agent is typing goes there.

    @property
    def direction(self) -> str:
        """What operators call it: `in` for messages, `out` for replies, else its own name."""
        return {Job.MESSAGE: "in", Job.REPLY: "out"}.get(self, self.value)


class State(StrEnum):
    """Where an entry is. READY, SENDING and UNCONFIRMED are open: they hold up their lane."""

    READY = "ready"
    SENDING = "sending"
    UNCONFIRMED = "unconfirmed"
    DONE = "done"
    DEAD = "dead"
    DISCARDED = "discarded"


OPEN = "('ready', 'sending', 'unconfirmed')"
#: What people wrote, and what nobody misses.
MESSAGES = "('message', 'reply')"
MINOR = "('typing', 'profile')"


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What is to be accepted. `position` None means: in the order of acceptance; before `due_at`
    (UTC seconds) it is not delivered. `doubt` is why it may have been sent already, as an error for
    the database: then it is unconfirmed, without a marker that an echo could prove it by.

    `integration_id` names the Chatwoot whose ids its key and body hold, empty where they hold none:
    only within it a key is accepted once. `message_id` is the WhatsApp message that a customer's
    entry brings or changes."""

    chat_id: int
    job: Job
    key: str
    body: str
    position: int | None = None
    replaces: bool = False  # takes the place of the one with its key and a lower position
    due_at: float = 0.0
    doubt: str = ""
    integration_id: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class ReplyId:
    """A message of Chatwoot. Its number counts within one integration only: an instance that moves
    to another Chatwoot, and back, meets the same numbers again."""

    instance_id: int
    integration_id: str
    message_id: int


@dataclass(frozen=True, slots=True)
class Lane:
    """Entries of one lane leave strictly one after the other. `key` is that of the one file of the
    lane, empty for other jobs."""

    instance_id: int
    job: Job
    chat_id: int
    key: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An accepted message. Times are UTC seconds; `source` marks the send that is under way.

    `held_s` is how much of the time since `received_at` does not count as waiting, in seconds: its
    integration was paused or in error, or the clock was set anew meanwhile.
    """

    id: int
    instance_id: int
    chat_id: int
    job: Job
    key: str
    position: int
    body: str
    state: State
    attempts: int
    doubtful: bool
    due_at: float
    source: str
    error: BridgeError | None
    received_at: float
    sent_at: float
    held_s: float = 0.0
    integration_id: str = ""

    @property
    def lane(self) -> Lane:
        """The lane that it travels in."""
        key = self.key if self.job is Job.FILE else ""
        return Lane(self.instance_id, self.job, self.chat_id, key)

    def age_s(self, now: float) -> float:
        """How long it has been waiting, in seconds, by `now` (UTC seconds)."""
        return now - self.received_at - self.held_s


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a delivery: when it began (UTC seconds), how long it took, how it ended and, where
    it did not arrive, why."""

    began_at: float
    seconds: float
    outcome: str
    error: BridgeError | None = None


@dataclass(frozen=True, slots=True)
class MessageLink:
    """The two ids of one message, and where it is in Chatwoot. `from_me`: no customer wrote it.

    `reached` is how far Chatwoot has been told that it has come; `deleted` counts as well. `author`
    are the forms of the member of a group who wrote it, empty where that is not known. `reference`
    is what the gateway needs to quote or delete the WhatsApp message, opaque to everybody else.
    """

    instance_id: int
    whatsapp_id: str
    chat_id: int
    from_me: bool
    integration_id: str
    conversation_id: int
    chatwoot_id: int
    reached: str = ""
    author: str = ""
    reference: str = ""


class Journal(Protocol):
    """What routing needs of a journal; all writes are durable when a call returns."""

    def accept(self, instance_id: int, entries: Sequence[NewEntry], *, now: float) -> int:
        """Stores new entries and ignores known keys; returns how many were new."""

    def lanes(self, *, after_id: int) -> tuple[list[Lane], int]:
        """The lanes with open entries accepted after `after_id`, and the newest id of all."""

    def head(self, lane: Lane) -> Entry | None:
        """The entry whose turn it is."""

    def claim(
        self, entry: Entry, source: str, *, owner: str, now: float, until: float, to: str = ""
    ) -> bool:
        """Notes a send before it is made, for `owner` and until then (UTC seconds) at most. False
        when its turn is over: it is not ready any more, or an earlier entry of its lane is open, or
        `to` is not the address of its chat any more."""

    def expire_claims(self, *, now: float, due_at: float) -> None:
        """Sends whose claim has ended without a word become unconfirmed."""

    def finish(self, entry: Entry, pairs: Iterable[MessageLink], *, made: Try, now: float) -> None:
        """The entry has arrived."""

    def postpone(
        self, entry: Entry, *, due_at: float, made: Try | None, doubtful: bool, counts: bool = True
    ) -> None:
        """The entry failed and is tried again; `doubtful`: it may have arrived all the same."""

    def doubt(self, entry: Entry, *, due_at: float, made: Try) -> None:
        """Nobody knows how the try ended. A claimed send becomes unconfirmed, and `due_at` is when
        that may be settled; anything else is ready again from then on, and doubtful."""

    def bury(self, entry: Entry, *, made: Try, now: float) -> None:
        """The entry is given up and becomes a dead letter; its lane goes on."""

    def unconfirmed(self, *, after_id: int, limit: int) -> list[Entry]:
        """The sends of which nobody knows whether they happened, oldest first, after that one."""

    def tries(self, entry: Entry) -> list[tuple[float, str]]:
        """When (UTC seconds) the entry was tried and what came of it, as `dump` writes an error;
        newest first."""

    def delivered(
        self, instance_ids: Sequence[int], *, other_than: int, since: float
    ) -> list[float]:
        """When customers' messages of these instances arrived since then (UTC seconds), in order,
        without those of the chat `other_than`."""

    def prove_writable(self) -> None:
        """Writes something. Raises StorageFailed."""

    def is_sending(self, chat_id: int) -> bool:
        """Whether a send to the chat is under way or unconfirmed."""

    def knows(self, instance_id: int, integration_id: str, key: str, job: Job = Job.REPLY) -> bool:
        """Whether an entry with that key, a reply unless said otherwise, was accepted before."""

    def find(self, instance_id: int, key: str, job: Job) -> Entry | None:
        """The entry with that key, whatever became of it."""

    def about(self, instance_id: int, message_id: str) -> list[Entry]:
        """The entries that bring or change that WhatsApp message, whatever became of them."""

    def knows_file(self, reply: ReplyId) -> bool:
        """Whether a file of that Chatwoot message was accepted before."""

    def gave_up(self, reply: ReplyId) -> bool:
        """Whether a part of that Chatwoot message is a dead letter."""

    def arrived(self, reply: ReplyId) -> bool:
        """Whether every part of that Chatwoot message is known and done."""

    def note_shown(self, reply: ReplyId) -> None:
        """Agents see that Chatwoot message as failed. Only of such a one the absence of the mark
        says that its agent wants it tried again."""

    def shown_as_failed(self, instance_id: int, integration_id: str) -> set[int]:
        """The Chatwoot messages that agents are shown as failed."""

    def given_up(self, instance_id: int, integration_id: str, *, since: float) -> list[Entry]:
        """The replies that became dead letters since then (UTC seconds) and are shown to agents as
        failed, oldest first."""

    def old_dead_letters(self, instance_id: int) -> list[Entry]:
        """Dead letters to Chatwoot of an earlier version that were not looked up yet, oldest
        first."""

    def settle_old(self, entry: Entry, pair: MessageLink | None, *, now: float) -> None:
        """An old dead letter was looked up: with a pair it had arrived."""

    def prune(self, *, done_before: float, all_before: float) -> int:
        """Forgets what was done or discarded before the one time (UTC seconds), and dead letters
        and pairs of ids that are older than the other. How many went: when there were any, there
        may be more."""

    def suspect(self, *, owner: str, due_at: float) -> None:
        """A router died, perhaps in the middle: claims of others than `owner` become unconfirmed,
        and the heads of the other lanes doubtful."""
