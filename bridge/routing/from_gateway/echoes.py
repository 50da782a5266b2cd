"""The echo of a message that we sent: the one proof that it left, whatever the gateway answered.

Rules: docs/contracts/ryzeapi.md, Echoes and Uncertain sends.
"""

from bridge.domain.messages import Kind, Message
from bridge.domain.models import Instance, Integration
from bridge.routing import jobs
from bridge.routing.from_gateway import addresses
from bridge.routing.jobs import ReplyPart
from bridge.store import Database, entries, event_times, identity, lookup_queue
from bridge.store.entries import SettledSend
from bridge.store.journal import Job, MessageLink, ReplyId, State
from bridge.store.lookup_queue import LookupRequest


def confirm(
    db: Database,
    instance: Instance,
    integration: Integration,
    message: Message,
    now: float,
    told_at: float,
) -> bool:
    """The send that a message is the echo of has happened; notes the pair of its ids. Whether two
    chats have become one: the echo names the address that the send reached. `told_at` is the time
    that the echo bears, 0 for none."""
    sent = entries.settle(db, instance.id, message.source, now=now)
    if sent is not None and sent.sent_at and told_at:
        event_times.note_echo(db, instance.id, told_at, sent_at=sent.sent_at)
    if sent is None or message.kind in {Kind.EDIT, Kind.REVOKE, Kind.REACTION}:
        return False
    part = jobs.decode(sent.body)
    if isinstance(part, ReplyPart):
        _note(db, instance, integration, message, sent, part, now)
    if not sent.sent_to:
        return False
    to, at = addresses.named(addresses.of_text(sent.sent_to)), message.chat
    named = addresses.named(at)
    return identity.reached(db, instance.id, sent.chat_id, to, named, at.jid or at.lid)


def _note(
    db: Database,
    instance: Instance,
    integration: Integration,
    message: Message,
    sent: SettledSend,
    part: ReplyPart,
    now: float,
) -> None:
    reply = ReplyId(instance.id, sent.integration_id or integration.id, part.message.id)
    conversation_id = part.message.conversation_id
    pair = MessageLink(
        instance_id=instance.id,
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
        _take_back(db, reply, part, sent.key)
    if sent.was in {State.READY, State.UNCONFIRMED, State.DEAD}:
        # Agents may see by now that it failed.
        lookup_queue.insert(
            db, LookupRequest(reply.integration_id, conversation_id, reply.message_id)
        )


def _take_back(db: Database, reply: ReplyId, part: ReplyPart, key: str) -> None:
    """Undoes what was begun because the send had been given up, as far as that is not done."""
    place = reply.instance_id, reply.integration_id
    entries.withdraw(db, *place, key, Job.RECEIPT)
    if part.caption:
        words = jobs.part_key(reply.message_id, jobs.TEXT_PART)
        entries.withdraw(db, *place, words, Job.REPLY)
    entries.note_arrived(db, reply)
