"""One look at an inbox: what agents wrote, deleted or retried there, and no feed told.

Chatwoot repeats nothing that it told, and some of what it stores it never tells: nothing but the id
of the message shows it, not even the time of its conversation (docs/contracts/chatwoot.md, Looks).
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from bridge.chatwoot.conversations import Conversation
from bridge.chatwoot.events import AgentMessage
from bridge.chatwoot.refusals import ConversationGone
from bridge.domain.errors import BridgeError
from bridge.domain.models import ChatwootTime
from bridge.routing import jobs
from bridge.routing.context import Context
from bridge.routing.from_chatwoot import duplicates, false_failures, receive, surveys
from bridge.routing.jobs import ReplyPart
from bridge.store.lookup_queue import SINCE_LAST_LOOK, LookupRequest

log = logging.getLogger(__name__)

#: Pages of conversations that one look reads at most because something moved (25 each).
_MOST_PAGES = 200
#: How far before the last look it looks again: clocks differ, and jobs take their time.
_OVERLAP_S = 120.0
#: Ids below the last one that are looked at again: Chatwoot gives an id to a message before it is
#: there to be read, and messages of several agents overtake each other.
OVERLAP_IDS = 50
#: Messages in an answer to `after`, and how many answers are read at most.
PAGE = 100
_MOST_ANSWERS = 50
#: How old a dead letter may be whose Retry is still looked for, in days.
_RETRIES_DAYS = 3
#: How long after its last message a conversation is read at every look, in seconds; and how long
#: while nothing that tells is known to work, and how many then.
_RECENT_S = 600.0
_RECENT_WHILE_DEAF_S = 3600.0
_MOST_RECENT = 50
#: Of these, how many are read before the others get their turn: there the next reply is likely.
_MOST_LIKELY = 5
#: After so many conversations in a row that could not be read, the look ends.
_MOST_FAILURES = 3
#: Every so many looks, one that has no time left reads an older page all the same.
_OLDER_EVERY = 10
#: After so many seconds a conversation that could not be read is asked for again: one that is
#: being deleted is gone by then.
_AGAIN_S = 1.0


class Found(NamedTuple):
    """What a conversation held: how many replies were new, the id up to which all messages but
    Chatwoot's own remarks were seen, and whether that was the end."""

    new: int
    seen_id: int
    whole: bool


@dataclass(slots=True)
class Memory:
    """What the looks at one inbox remember of each other; lost with the process, at the price of
    looking at something once more."""

    #: The newest message seen in conversations that belong to no chat of ours.
    strangers: dict[int, int] = field(default_factory=dict)
    #: Marks that stood above the newest message, as the last look saw them.
    too_high: dict[int, int] = field(default_factory=dict)
    #: When each of the recent conversations was last read, on the monotonic clock.
    read_at: dict[int, float] = field(default_factory=dict)
    #: The older page that was read last, and how long the last page took, in seconds.
    older_page: int = 0
    page_s: float = 0.0
    looks: int = 0
    #: Called before each question, to show that the look goes on.
    progress: Callable[[], None] = lambda: None


def catch_up(context: Context, memory: Memory, *, seconds: float, asked: bool = False) -> int:
    """Stores every reply that no feed told of: in the conversations whose newest message was not
    looked at yet, of those that moved since the last look and then, as long as it has taken less
    than `seconds`, of older ones; and in those where something is under way or was written lately.
    `asked`: after a gap all that was written lately and all that was given up is read, whatever
    it takes.

    How many were found. Raises BridgeErrors; what was found until then is stored.
    """
    look = _Look(context, memory, ends_at=time.monotonic() + seconds)
    memory.looks += 1
    services, one = context.services, context.integration
    mark = services.integrations.caught_up_at(one.id)
    trouble = None
    try:
        look.moved()
    except BridgeError as error:
        if error.holds:
            raise
        trouble = error  # a list fails for as long as one of its conversations is being deleted
    # Where there is no time for both, each has its turn.
    for step in (look.recent, look.given_up)[:: 1 if memory.looks % 2 else -1]:
        step()
    if asked:
        until = services.clock() - services.chatwoot_clocks.age_s(one.base_url, mark)
        look.recent(until=until, all_of_them=True)
        look.given_up(all_of_them=True)
    if trouble is not None:
        raise trouble
    look.older()
    if look.found:
        log.info("%s: %d replies had been missed", context.instance.name, look.found)
    return look.found


def read_recent(context: Context, memory: Memory, *, seconds: float) -> int:
    """Reads the conversations where a reply is likely, for at most about `seconds`, while nothing
    that tells is known to work; how many replies were found. Raises BridgeErrors."""
    look = _Look(context, memory, ends_at=time.monotonic() + seconds)
    look.recent_while_deaf()
    return look.found


def look_at(
    conversation_id: int, after_id: int, context: Context, *, looked: bool = False
) -> Found:
    """Stores the replies in a conversation with an id above `after_id`. `looked`: nobody had told
    that there was something. Raises BridgeErrors."""
    new, seen_id = 0, after_id
    for _ in range(_MOST_ANSWERS):
        messages, count = read_messages(conversation_id, after_id, context, untold=looked)
        new += count
        for message in messages:
            after_id = max(after_id, message.id)
            if message.type != "activity":
                seen_id = max(seen_id, message.id)
        if len(messages) < PAGE:
            return Found(new, seen_id, whole=True)
    return Found(new, seen_id, whole=False)


def read_messages(
    conversation_id: int, after_id: int, context: Context, *, untold: bool = False
) -> tuple[list[AgentMessage], int]:
    """One answer of Chatwoot with the messages above `after_id`, up to PAGE of them: all that is
    new is stored and counted, and failed marks of what arrived are cleared. Raises BridgeErrors."""
    services, integration = context.services, context.integration
    # Before Chatwoot is asked: an answer from before the failure was shown says nothing of a Retry.
    retriable = services.journal.shown_as_failed(context.instance.id, integration.id)
    messages = context.chatwoot().messages.after(conversation_id, after_id)
    count = receive.store_answer(
        *(context.instance, integration, messages, services), retriable=retriable, untold=untold
    )
    for message in messages:
        surveys.learn(integration, message, services)
        duplicates.count(integration, message, services)
        false_failures.clear(message, context)
    return messages, count


@dataclass(slots=True)
class _Look:
    """One look; `ends_at` on the monotonic clock is when only what must be is still done."""

    context: Context
    memory: Memory
    ends_at: float
    found: int = 0
    _read: set[int] = field(default_factory=set)
    _failures: int = 0

    def moved(self) -> None:
        """The pages of conversations that moved since the last look."""
        services, one = self.context.services, self.context.integration
        first = self._list(1)
        # Not before an answer: it tells what Chatwoot's clock shows, which may have been set back.
        clocks, mark = services.chatwoot_clocks, services.integrations.caught_up_at(one.id)
        now = clocks.now(one.base_url)
        since = min(max(mark, clocks.begin_of(one)), now).plus(-_OVERLAP_S)
        self._compare_all(first, since)
        page, moved = 1, first
        while moved and moved[-1].last_activity_at >= since and page < _MOST_PAGES:
            page += 1
            moved = self._page(page, since)
        self.memory.older_page = max(self.memory.older_page, page)
        # The newest that was seen is the better mark: it is of the clock that the next look meets.
        newest = max((one.last_activity_at for one in first), default=now)
        services.integrations.note_caught_up(one.id, min(newest, now))

    def older(self) -> None:
        """Further pages, in turn: what Chatwoot stored without moving its conversation."""
        due = self.memory.looks % _OLDER_EVERY == 0
        while due or time.monotonic() + self.memory.page_s < self.ends_at:
            due = False
            self.memory.older_page += 1
            clocks = self.context.services.chatwoot_clocks
            since = clocks.begin_of(self.context.integration).plus(-_OVERLAP_S)
            rows = self._page(self.memory.older_page, since)
            if not rows or rows[-1].last_activity_at < since:
                self.memory.older_page = 0
                return

    def recent(self, *, until: float | None = None, all_of_them: bool = False) -> None:
        """Conversations with a reply under way, or something written lately (UTC seconds: before
        `until`, or now), in turn; at least one."""
        for conversation_id in self._in_turn(self._recent(_RECENT_S, until)):
            if conversation_id not in self._read:
                self._since_last_look(conversation_id)
            if not all_of_them and not self._has_time():
                return

    def recent_while_deaf(self) -> None:
        """The most recent ones at every look, the others in turn."""
        found = self._recent(_RECENT_WHILE_DEAF_S)
        for conversation_id in found[:_MOST_LIKELY] + self._in_turn(found[_MOST_LIKELY:]):
            self._since_last_look(conversation_id)
            if not self._has_time():
                return

    def given_up(self, *, all_of_them: bool = False) -> None:
        """Whether an agent pressed Retry: that moves no conversation, it only takes the failed mark
        off."""
        services = self.context.services
        since = services.clock() - _RETRIES_DAYS * 86400
        first: dict[int, int] = {}
        place = self.context.instance.id, self.context.integration.id
        for entry in services.journal.given_up(*place, since=since):
            part = jobs.decode(entry.body)
            if isinstance(part, ReplyPart):
                first.setdefault(part.message.conversation_id, part.message.id)
        for conversation_id, message_id in reversed(first.items()):
            if not all_of_them and not self._has_time():
                return
            self._at(conversation_id, message_id - 1)

    # -- underneath --------------------------------------------------------------------------------

    def _has_time(self) -> bool:
        return time.monotonic() < self.ends_at

    def _recent(self, seconds: float, until: float | None = None) -> list[int]:
        """The conversations in which something was written in so many seconds before `until`, or
        since, the latest first."""
        services, now = self.context.services, self.context.services.clock()
        found = services.stats.recent_conversations(
            self.context.integration.id,
            self.context.instance.id,
            since=min(until or now, now) - seconds,
            limit=_MOST_RECENT,
        )
        read_at = self.memory.read_at
        self.memory.read_at = {one: at for one, at in read_at.items() if one in found}
        return found

    def _in_turn(self, conversations: list[int]) -> list[int]:
        """That which was read longest ago first."""
        return sorted(conversations, key=lambda one: self.memory.read_at.get(one, 0.0))

    def _page(self, page: int, since: ChatwootTime) -> list[Conversation]:
        """One page of the list, each conversation held against what was seen of it."""
        found = self._list(page)
        self._compare_all(found, since)
        return found

    def _list(self, page: int) -> list[Conversation]:
        self.memory.progress()
        began = time.monotonic()
        found = self.context.chatwoot().conversations.latest(page)
        self.memory.page_s = time.monotonic() - began
        return found

    def _compare_all(self, conversations: Iterable[Conversation], since: ChatwootTime) -> None:
        for conversation in conversations:
            self._compare(conversation, since)

    def _compare(self, conversation: Conversation, since: ChatwootTime) -> None:
        chats, one = self.context.services.chats, self.context.integration
        chats.note_status(one.id, conversation.id, conversation.status)
        newest_id = conversation.last_message_id
        thread = chats.thread_of_conversation(one.id, conversation.id)
        if not newest_id:
            return
        if thread is None:
            moved_at = max(conversation.last_activity_at, conversation.last_message_at)
            if moved_at < since or self.memory.strangers.get(conversation.id) == newest_id:
                return
            if self._at(conversation.id, 0):
                self.memory.strangers[conversation.id] = newest_id
            return
        self._lower(conversation.id, thread.chat_id, thread.checked_id, newest_id)
        if thread.checked_id < newest_id:
            self._since_last_look(conversation.id, newest_id)

    def _lower(self, conversation_id: int, chat_id: int, checked_id: int, newest_id: int) -> None:
        """A mark above everything that is there is wrong, if it is so twice: between the list and
        this moment another answer may have shown more."""
        if checked_id <= newest_id:
            self.memory.too_high.pop(conversation_id, None)
        elif self.memory.too_high.get(conversation_id) != checked_id:
            self.memory.too_high[conversation_id] = checked_id
        else:
            chats, one = self.context.services.chats, self.context.integration
            if self._at(conversation_id, max(newest_id - OVERLAP_IDS, 0)):
                chats.lower_checked(one.id, chat_id, checked_id, newest_id)

    def _since_last_look(self, conversation_id: int, newest_id: int = 0) -> None:
        """`newest_id` is the newest message as the list shows it, 0 where it was not asked for."""
        chats, one = self.context.services.chats, self.context.integration
        thread = chats.thread_of_conversation(one.id, conversation_id)
        checked_id = thread.checked_id if thread else 0
        found = self._at(conversation_id, max(checked_id - OVERLAP_IDS, 0))
        if found is None:
            return
        thread = thread or chats.thread_of_conversation(one.id, conversation_id)
        if thread is not None:
            seen_id = max(found.seen_id, newest_id) if found.whole else found.seen_id
            chats.note_checked(one.id, thread.chat_id, seen_id)

    def _at(self, conversation_id: int, after_id: int) -> Found | None:
        """What a conversation holds; None where it cannot be read, which stops nothing else.

        Raises what holds the whole integration, and any error that meets several in a row.
        """
        services, one = self.context.services, self.context.integration
        self.memory.progress()
        self._read.add(conversation_id)
        self.memory.read_at[conversation_id] = time.monotonic()
        found: Found | None = None
        try:
            found = look_at(conversation_id, after_id, self.context, looked=True)
        except ConversationGone:
            pass
        except BridgeError as error:
            if error.holds:
                raise
            log.info("conversation %s could not be read: %s", conversation_id, error.message)
            again_at = services.clock() + _AGAIN_S
            services.lookups.ask(
                LookupRequest(one.id, conversation_id, SINCE_LAST_LOOK, due_at=again_at)
            )
            self._failures += 1
            if self._failures >= _MOST_FAILURES:
                raise
            return None
        self._failures = 0
        self.found += found.new if found else 0
        return found
