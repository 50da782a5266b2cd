"""The echo of a message that we sent: the one proof that it left, whatever the gateway answered.

Rules: docs/contracts/ryzeapi.md, Echoes and Uncertain sends.
"""

from bridge.domain.messages import CHANGES, Message
from bridge.routing import addresses, jobs
from bridge.routing.jobs import ReplyPart
from bridge.store import Database, entries, event_times, identity, lookup_queue
from bridge.store.entries import SettledSend
from bridge.store.journal import Job, MessageLink, ReplyId, State
from bridge.store.lookup_queue import LookupRequest


def confirm(
    db: Database, instance_id: int, integration_id: str, message: Message, *, now: float, at: float
) -> bool:
    """Settles the send that a message is the echo of and stores the pair of its ids. Whether two
    chats have become one: the echo names the address that the send reached. `at` is the time that
    the echo bears, 0 for none."""
    sent = entries.settle(db, instance_id, message.source, now=now)
    if sent is None:
        return False
    if sent.sent_at and at:
        event_times.note_echo(db, instance_id, at, sent_at=sent.sent_at)
    if message.kind in CHANGES:
        return False
    part = jobs.decode(sent.body)
    if isinstance(part, ReplyPart):
        reply = ReplyId(instance_id, sent.integration_id or integration_id, part.message.id)
        _note_pair(db, reply, message, sent, part, now)
    if not sent.sent_to:
        return False
    wanted, reached = addresses.of_text(sent.sent_to), message.chat
    forms = addresses.named(wanted), addresses.named(reached)
    return identity.reached(db, instance_id, sent.chat_id, *forms, reached.jid or reached.lid)


def _note_pair(
    db: Database, reply: ReplyId, message: Message, sent: SettledSend, part: ReplyPart, now: float
) -> None:
    conversation_id = part.message.conversation_id
    pair = MessageLink(
        instance_id=reply.instance_id,
        whatsapp_id=message.id,
        chat_id=sent.chat_id,
        from_me=True,
        integration_id=reply.integration_id,
        conversation_id=conversation_id,
        chatwoot_id=reply.message_id,
        reference=message.reference,
    )
    entries.insert_pair(db, pair, now=now)
    if sent.was is State.DEAD:
        _undo_failure(db, reply, part, sent.key)
    if sent.was in {State.READY, State.UNCONFIRMED, State.DEAD}:
        # Agents may see by now that it failed.
        request = LookupRequest(reply.integration_id, conversation_id, reply.message_id)
        lookup_queue.insert(db, request)


def _undo_failure(db: Database, reply: ReplyId, part: ReplyPart, key: str) -> None:
    """Withdraws what was queued because the send had been given up, as far as that is not done."""
    place = reply.instance_id, reply.integration_id
    entries.withdraw(db, *place, key, Job.RECEIPT)
    if part.caption:
        text_key = jobs.text_key(reply.message_id)
        entries.withdraw(db, *place, text_key, Job.REPLY)
    entries.note_arrived(db, reply)
