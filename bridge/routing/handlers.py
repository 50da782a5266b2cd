"""Who does which job: the one place that takes an entry's body to the code that carries it out."""

import logging
from typing import assert_never

from bridge.domain.messages import Message, Receipt
from bridge.routing import jobs
from bridge.routing.context import Context
from bridge.routing.retry import Side
from bridge.routing.to_chatwoot import deliver, late_content, profiles, reply_status
from bridge.routing.to_whatsapp import send
from bridge.routing.to_whatsapp.send import Claim
from bridge.store.journal import Entry, Job, MessageLink

log = logging.getLogger(__name__)

_GATEWAY_JOBS = {Job.REPLY, Job.TYPING}


def side_of(job: Job) -> Side:
    """The side that has to be up for a job to be done."""
    return Side.GATEWAY if job in _GATEWAY_JOBS else Side.CHATWOOT


def carry_out(entry: Entry, context: Context, claim: Claim) -> list[MessageLink]:
    """Does what an entry asks for; the pairs of ids that this made. Raises BridgeErrors."""
    body = jobs.decode(entry.body)
    if not context.is_here(entry) and not isinstance(body, jobs.ReplyPart | jobs.Deletion):
        log.info("%s %s is about another Chatwoot than this one", entry.job, entry.key)
        return []
    match body:
        case Message():
            return deliver.deliver(entry, body, context)
        case jobs.LateFile():
            return late_content.deliver_file(entry, body.message, context)
        case Receipt():
            reply_status.show_receipt(entry, body, context)
        case jobs.Failure():
            reply_status.show_failure(body, context)
        case jobs.ContactProfile():
            profiles.fill_in(context.services.chats.get(entry.chat_id), body, context)
        case jobs.ReplyPart():
            return send.send(entry, body, context, claim)
        case jobs.Deletion():
            send.revoke(entry, body.message, context)
        case jobs.AgentTyping():
            send.show_typing(entry, context)
        case _:
            assert_never(body)
    return []
