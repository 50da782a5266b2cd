"""A message that Chatwoot stumbles over each time, while it takes all others."""

import bisect

from bridge.chatwoot.refusals import RecordGoing
from bridge.domain.errors import BridgeError, ChatwootFailing, dump
from bridge.routing.context import Context
from bridge.store.journal import Entry, Job

#: How often the same answer must have come, with others delivered in between each time.
TRIES = 10


def is_poison(entry: Entry, error: BridgeError, context: Context) -> bool:
    """Whether the message itself is what Chatwoot fails at: the same answer in Chatwoot's own words
    came ten times over an hour at least (`BRIDGE_POISON_AFTER`), and each time other chats of the
    account had been delivered since the time before. An outage never looks like that: nothing is
    delivered in it. Every try but the first has looked for the message and not found it."""
    if not isinstance(error, ChatwootFailing) or isinstance(error, RecordGoing):
        return False
    if not error.uncertain:  # it only read, which judges nothing but the read itself
        return False
    if entry.job is not Job.MESSAGE or entry.attempts + 1 < TRIES:
        return False
    services, answer = context.services, dump(error)
    tried_at = [services.clock()]
    for at, outcome in services.journal.tries(entry):  # newest first
        if outcome != answer:
            break
        tried_at.append(at)
    tried_at.reverse()
    if tried_at[-1] - tried_at[0] < services.settings.poison_after:
        return False
    account = services.integrations.of_account(context.integration)
    delivered_at = services.journal.delivered(account, other_than=entry.chat_id, since=tried_at[0])
    witnessed = sum(
        bisect.bisect(delivered_at, after) > bisect.bisect(delivered_at, before)
        for before, after in zip(tried_at, tried_at[1:], strict=False)
    )
    return witnessed + 1 >= TRIES
