"""Setting a fault by page or control API, and what some faults do at once."""

from functools import partial

from sandbox.chatwoot import contact_actions
from sandbox.chatwoot.agent import conversation_with
from sandbox.chatwoot.answers import Refusal
from sandbox.chatwoot.fault_table import TROUBLES
from sandbox.chatwoot.faults import Fault
from sandbox.chatwoot.records import Inbox, Json, Message
from sandbox.chatwoot.state import RowType, base58_token
from sandbox.chatwoot.world import World

#: How long an inbox that is being deleted answers 401, in seconds, at most.
_GOING_S = 0.3
#: How many ids of its cache a crashed PostgreSQL forgets, at most.
_JUMP = 33


def set_fault(world: World, wanted: Json) -> tuple[Fault, Json]:
    """Set a fault, or do what its word says at once: the fault, and what was done.

    Raises ValueError with a sentence when something is wrong with it, Refusal when what it is
    about does not exist.
    """
    fault = world.faults.add(wanted)
    trouble = TROUBLES.get(fault.kind)
    if trouble is None:
        return fault, {}
    if trouble.at_once:
        world.faults.clear(fault.id)
    if trouble.cuts:
        world.faults.interrupt()
        world.hub.cut_all()
    if trouble.deafens:
        world.hub.deaf = True
    with world.state.lock:
        return fault, _act(world, fault)


def _act(world: World, fault: Fault) -> Json:
    state = world.state
    delay_s = state.options.deletion_s if fault.delay is None else fault.delay
    match fault.kind:
        case "web-killed" | "web-restarted":
            world.hub.deaf = False
        case "ids-jump":
            state.skip_ids(Message, _JUMP)
        case "redis-emptied":
            return {"jobs": world.jobs.empty()}
        case "token-reset":
            user = _found(state.users.get(fault.user_id), "user")
            state.set_token(user, base58_token())
            return {"token": user.access_token}
        case "inbox-deleted":
            inbox = _found(state.inboxes.get(fault.inbox_id), "inbox")
            world.later(delay_s, partial(_end_inbox, world, inbox, min(_GOING_S, delay_s)))
        case "contact-deleted":
            contact_actions.remove(world, _found(state.contacts.get(fault.contact_id), "contact"))
        case "conversation-deleted":
            conversation = conversation_with(fault.conversation or 0, fault.account_id)

            def remove() -> None:
                if state.conversations.get(conversation.id) is conversation:
                    state.remove_conversation(conversation)

            world.later(delay_s, remove)
    return {}


def _end_inbox(world: World, inbox: Inbox, going_s: float) -> None:
    """401 for a moment, then the inbox is gone with everything in it."""

    def remove() -> None:
        world.going.discard(inbox.id)
        if world.state.inboxes.get(inbox.id) is inbox:
            world.state.remove_inbox(inbox)

    world.going.add(inbox.id)
    world.later(going_s, remove)


def _found(row: RowType | None, what: str) -> RowType:
    if row is None:
        raise Refusal(404, {"error": f"no such {what}"})
    return row
