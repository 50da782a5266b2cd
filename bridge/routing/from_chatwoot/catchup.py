"""One poll of an inbox: what agents wrote, deleted or retried there, and no feed told.

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

#: Pages of conversations that one poll reads at most because something moved (25 each).
_MOST_PAGES = 200
#: How far before the last poll it reads again: clocks differ, and jobs take their time.
_OVERLAP_S = 120.0
#: Ids below the last one that are looked at again: Chatwoot gives an id to a message before it is
#: there to be read, and messages of several agents overtake each other.
OVERLAP_IDS = 50
#: Messages in an answer to `after`, and how many answers are read at most.
PAGE = 100
_MOST_ANSWERS = 50
#: How old a dead letter may be whose Retry is still looked for, in days.
_RETRIES_DAYS = 3
#: How long after its last message a conversation is read at every poll, in seconds; and how long
#: while nothing that tells is known to work, and how many then.
_RECENT_S = 600.0
_RECENT_WHILE_SILENT_S = 3600.0
_MOST_RECENT = 50
#: Of these, how many are read before the others get their turn: there the next reply is likely.
_MOST_LIKELY = 5
#: After so many conversations in a row that could not be read, the poll ends.
_MOST_FAILURES = 3
#: Every so many polls, one that has no time left reads an older page all the same.
_OLDER_EVERY = 10
#: After so many seconds a conversation that could not be read is asked for again: one that is
#: being deleted is gone by then.
_AGAIN_S = 1.0


class Reading(NamedTuple):
    """What a conversation held: how many replies were new, the id up to which all messages but
    Chatwoot's own remarks were seen, and whether that was the end."""

    new: int
    seen_id: int
    whole: bool


@dataclass(slots=True)
class Memory:
    """What the polls of one inbox remember of each other. Losing it costs only reading again."""

    #: The newest message seen in conversations that belong to no chat of ours.
    strangers: dict[int, int] = field(default_factory=dict)
    #: Marks that stood above the newest message, as the last poll saw them.
    too_high: dict[int, int] = field(default_factory=dict)
    #: When each of the recent conversations was last read, on the monotonic clock.
    read_at: dict[int, float] = field(default_factory=dict)
    #: The older page that was read last, and how long the last page took, in seconds.
    older_page: int = 0
    page_s: float = 0.0
    polls: int = 0
    #: Called before each question, to show that the poll goes on.
    progress: Callable[[], None] = lambda: None


def catch_up(context: Context, memory: Memory, *, seconds: float, asked: bool) -> None:
    """Stores every reply that no feed told of.

    Reads conversations with a new newest message, of those that moved since the last poll and, for
    up to `seconds`, of older ones; and those with a reply in transit or written lately. `asked`:
    after a gap, all that was written lately and all that was given up is read. Raises BridgeErrors;
    what was read until then is stored.
    """
    poll = _Poll(context, memory, ends_at=time.monotonic() + seconds)
    memory.polls += 1
    services, integration = context.services, context.integration
    mark = services.integrations.caught_up_at(integration.id)
    trouble = None
    try:
        poll.moved()
    except BridgeError as error:
        if error.holds:
            raise
        trouble = error  # a list fails for as long as one of its conversations is being deleted
    # Where there is no time for both, each has its turn.
    for step in (poll.recent, poll.given_up)[:: 1 if memory.polls % 2 else -1]:
        step()
    if asked:
        until = services.clock() - services.chatwoot_clocks.age_s(integration.base_url, mark)
        poll.recent(until=until, all_of_them=True)
        poll.given_up(all_of_them=True)
    if trouble is not None:
        raise trouble
    poll.older()
    if poll.new:
        log.info("%s: %d replies had been missed", context.instance.name, poll.new)


def read_recent(context: Context, memory: Memory, *, seconds: float) -> None:
    """Reads the conversations where a reply is likely, for about `seconds`, while no feed is
    known to work. Raises BridgeErrors."""
    poll = _Poll(context, memory, ends_at=time.monotonic() + seconds)
    poll.recent(_RECENT_WHILE_SILENT_S, likely=_MOST_LIKELY)


def read_conversation(
    conversation_id: int, after_id: int, context: Context, *, untold: bool = False
) -> Reading:
    """Stores the replies in a conversation with an id above `after_id`. `untold`: no feed had said
    that there was something. Raises BridgeErrors."""
    new, seen_id = 0, after_id
    for _ in range(_MOST_ANSWERS):
        messages, count = read_messages(conversation_id, after_id, context, untold=untold)
        new += count
        for message in messages:
            after_id = max(after_id, message.id)
            if message.type != "activity":
                seen_id = max(seen_id, message.id)
        if len(messages) < PAGE:
            return Reading(new, seen_id, whole=True)
    return Reading(new, seen_id, whole=False)


def read_messages(
    conversation_id: int, after_id: int, context: Context, *, untold: bool = False
) -> tuple[list[AgentMessage], int]:
    """One answer of Chatwoot with the messages above `after_id`, up to PAGE of them: all that is
    new is stored and counted, and failed marks of what arrived are cleared. Raises BridgeErrors."""
    services, integration = context.services, context.integration
    # Before Chatwoot is asked: an answer from before the failure was shown says nothing of a Retry.
    retriable = services.journal.shown_as_failed(context.instance.id, integration.id)
    messages = context.chatwoot().messages.after(conversation_id, after_id)
    outcomes = receive.store_messages(
        integration, messages, services, retriable=retriable, untold=untold
    )
    for message in messages:
        surveys.learn(integration, message, services)
        duplicates.count(integration, message, services)
        false_failures.clear(message, context)
    return messages, sum(outcome in receive.NEWS for outcome in outcomes)


@dataclass(slots=True)
class _Poll:
    """One poll; `ends_at` on the monotonic clock is when only what must be is still done."""

    context: Context
    memory: Memory
    ends_at: float
    new: int = 0
    _read: set[int] = field(default_factory=set)
    _failures: int = 0

    def moved(self) -> None:
        """The pages of conversations that moved since the last poll."""
        services, integration = self.context.services, self.context.integration
        first = self._list(1)
        # Not before an answer: it tells what Chatwoot's clock shows, which may have been set back.
        clocks, mark = services.chatwoot_clocks, services.integrations.caught_up_at(integration.id)
        now = clocks.now(integration.base_url)
        since = min(max(mark, clocks.begin_of(integration)), now).plus(-_OVERLAP_S)
        self._compare(first, since)
        page, moved = 1, first
        while moved and moved[-1].last_activity_at >= since and page < _MOST_PAGES:
            page += 1
            moved = self._page(page, since)
        self.memory.older_page = max(self.memory.older_page, page)
        # The newest that was seen is the better mark: it is of the clock that the next poll meets.
        newest = max((conversation.last_activity_at for conversation in first), default=now)
        services.integrations.note_caught_up(integration.id, min(newest, now))

    def older(self) -> None:
        """Further pages, in turn: what Chatwoot stored without moving its conversation."""
        due = self.memory.polls % _OLDER_EVERY == 0
        while due or time.monotonic() + self.memory.page_s < self.ends_at:
            due = False
            self.memory.older_page += 1
            clocks = self.context.services.chatwoot_clocks
            since = clocks.begin_of(self.context.integration).plus(-_OVERLAP_S)
            rows = self._page(self.memory.older_page, since)
            if not rows or rows[-1].last_activity_at < since:
                self.memory.older_page = 0
                return

    def recent(
        self,
        seconds: float = _RECENT_S,
        *,
        until: float | None = None,
        likely: int = 0,
        all_of_them: bool = False,
    ) -> None:
        """Conversations with a reply under way, or something written in so many seconds before
        `until` (UTC seconds, or now), or since: the `likely` latest first, then the others, that
        which was read longest ago first; at least one."""
        services, memory, now = self.context.services, self.memory, self.context.services.clock()
        ids = services.stats.recent_conversations(
            self.context.integration.id,
            self.context.instance.id,
            since=min(until or now, now) - seconds,
            limit=_MOST_RECENT,
        )
        memory.read_at = {each: at for each, at in memory.read_at.items() if each in ids}
        others = sorted(ids[likely:], key=lambda each: memory.read_at.get(each, 0.0))
        for conversation_id in ids[:likely] + others:
            if conversation_id not in self._read:
                self._since_last_look(conversation_id)
            if not all_of_them and not self._has_time():
                return

    def given_up(self, *, all_of_them: bool = False) -> None:
        """Whether an agent pressed Retry: that moves no conversation, it only clears a mark."""
        services = self.context.services
        since = services.clock() - _RETRIES_DAYS * 86400
        instance_id, integration_id = self.context.instance.id, self.context.integration.id
        first: dict[int, int] = {}
        for entry in services.journal.given_up(instance_id, integration_id, since=since):
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

    def _page(self, page: int, since: ChatwootTime) -> list[Conversation]:
        """One page of the list, each conversation held against what was seen of it."""
        conversations = self._list(page)
        self._compare(conversations, since)
        return conversations

    def _list(self, page: int) -> list[Conversation]:
        self.memory.progress()
        began = time.monotonic()
        conversations = self.context.chatwoot().conversations.latest(page)
        self.memory.page_s = time.monotonic() - began
        return conversations

    def _compare(self, conversations: Iterable[Conversation], since: ChatwootTime) -> None:
        """Reads those whose newest message was not seen."""
        chats, integration_id = self.context.services.chats, self.context.integration.id
        for conversation in conversations:
            chats.note_status(integration_id, conversation.id, conversation.status)
            newest_id = conversation.last_message_id
            thread = chats.thread_of_conversation(integration_id, conversation.id)
            if not newest_id:
                continue
            if thread is not None:
                self._lower(conversation.id, thread.chat_id, thread.checked_id, newest_id)
                if thread.checked_id < newest_id:
                    self._since_last_look(conversation.id, newest_id)
                continue
            moved_at = max(conversation.last_activity_at, conversation.last_message_at)
            is_seen = self.memory.strangers.get(conversation.id) == newest_id
            if moved_at >= since and not is_seen and self._at(conversation.id, 0):
                self.memory.strangers[conversation.id] = newest_id

    def _lower(self, conversation_id: int, chat_id: int, checked_id: int, newest_id: int) -> None:
        """A mark above everything that is there is wrong, if it is so twice: between the list and
        this moment another answer may have shown more."""
        if checked_id <= newest_id:
            self.memory.too_high.pop(conversation_id, None)
        elif self.memory.too_high.get(conversation_id) != checked_id:
            self.memory.too_high[conversation_id] = checked_id
        else:
            if self._at(conversation_id, max(newest_id - OVERLAP_IDS, 0)):
                chats, integration = self.context.services.chats, self.context.integration
                chats.lower_checked(integration.id, chat_id, checked_id, newest_id)

    def _since_last_look(self, conversation_id: int, newest_id: int = 0) -> None:
        """`newest_id` is the newest message as the list shows it, 0 where it was not asked for."""
        chats, integration_id = self.context.services.chats, self.context.integration.id
        thread = chats.thread_of_conversation(integration_id, conversation_id)
        checked_id = thread.checked_id if thread else 0
        reading = self._at(conversation_id, max(checked_id - OVERLAP_IDS, 0))
        if reading is None:
            return
        thread = thread or chats.thread_of_conversation(integration_id, conversation_id)
        if thread is not None:
            seen_id = max(reading.seen_id, newest_id) if reading.whole else reading.seen_id
            chats.note_checked(integration_id, thread.chat_id, seen_id)

    def _at(self, conversation_id: int, after_id: int) -> Reading | None:
        """What a conversation holds, None where it cannot be read. Raises what holds the
        integration, and any error that meets several in a row."""
        services = self.context.services
        self.memory.progress()
        self._read.add(conversation_id)
        self.memory.read_at[conversation_id] = time.monotonic()
        reading: Reading | None = None
        try:
            reading = read_conversation(conversation_id, after_id, self.context, untold=True)
            self.new += reading.new
        except ConversationGone:
            pass
        except BridgeError as error:
            if error.holds:
                raise
            log.info("conversation %s could not be read: %s", conversation_id, error.message)
            place = self.context.integration.id, conversation_id, SINCE_LAST_LOOK
            services.lookups.ask(LookupRequest(*place, due_at=services.clock() + _AGAIN_S))
            self._failures += 1
            if self._failures >= _MOST_FAILURES:
                raise
            return None
        self._failures = 0
        return reading
