"""Fills in what WhatsApp knows of a contact: the name, the picture and the number.

Best effort, beside the lane of the chat, and only where nobody in Chatwoot has written anything.
"""

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bridge.chatwoot.refusals import ContactGone, PhoneTaken
from bridge.domain.errors import BridgeError
from bridge.domain.messages import Address
from bridge.gateways import jids, numbers
from bridge.net.deadline import Deadline
from bridge.net.http import CallFailed
from bridge.routing.context import CALL_S, Context
from bridge.routing.jobs import ContactProfile
from bridge.store.chats import Chat, ConversationLink

log = logging.getLogger(__name__)

#: Chatwoot's own limit for avatars is 15 MB (docs/contracts/chatwoot.md, Contacts); profile
#: pictures are small.
_MAX_BYTES = 2 * 1024 * 1024


def fill_in(chat: Chat, wanted: ContactProfile, context: Context) -> None:
    """Gives the contact its name and its picture; what does not work is left as it is."""
    thread = context.services.chats.thread(context.integration.id, chat.id)
    if thread is None or thread.contact_id != wanted.contact_id:
        return
    try:
        _name(chat, thread, context)
        if wanted.phone:
            _number(chat, thread, wanted.phone, context)
        if wanted.with_picture:
            with picture(chat, context, seconds=CALL_S) as (file, _):
                if file is not None:
                    context.chatwoot().contacts.update(thread.contact_id, avatar=file)
    except (BridgeError, CallFailed) as error:
        log.info("contact %s stays as it is: %s", wanted.contact_id, error)


def _name(chat: Chat, thread: ConversationLink, context: Context) -> None:
    """Only while Chatwoot still shows the name that we gave."""
    if not thread.given_name or not chat.name or chat.name == thread.given_name:
        return
    chatwoot = context.chatwoot()
    given = ""
    try:
        if chatwoot.contacts.get(thread.contact_id).name == thread.given_name:
            chatwoot.contacts.update(thread.contact_id, name=chat.name)
            given = chat.name if chat.kind == "group" else ""
    except ContactGone:
        return
    context.services.chats.note_given_name(thread.integration_id, chat.id, given)


def _number(chat: Chat, thread: ConversationLink, phone: str, context: Context) -> None:
    """Only where Chatwoot has none, or the one that the person does not have any more. When another
    contact has it, the person was here twice, and an agent decides whether to merge the two."""
    chatwoot = context.chatwoot()
    old = {"", *(f"+{one}" for one in numbers.spellings(jids.phone(chat.lost)))}
    with contextlib.suppress(ContactGone, PhoneTaken):
        if chatwoot.contacts.get(thread.contact_id).phone in old:
            chatwoot.contacts.update(thread.contact_id, phone=f"+{phone}")


@contextlib.contextmanager
def picture(chat: Chat, context: Context, *, seconds: float) -> Iterator[tuple[Path | None, str]]:
    """The picture that WhatsApp has of a person, until the block ends, None without one; and what
    it calls that person, empty where it does not say.

    Raises GatewayErrors and CallFailed.
    """
    with tempfile.TemporaryDirectory(dir=context.spool, prefix="file-") as folder:
        yield _fetched(chat, context, Path(folder) / "picture", Deadline(seconds))


def _fetched(
    chat: Chat, context: Context, file: Path, deadline: Deadline
) -> tuple[Path | None, str]:
    if context.gateway is None or chat.kind == "group":
        return None, ""
    is_lid = chat.address.endswith("@lid")
    address = Address(lid=chat.address) if is_lid else Address(jid=chat.address)
    profile = context.gateway.profile(address, deadline=deadline)
    if not profile.picture_url:
        return None, profile.address.name
    answer = context.services.http.call(
        "GET",
        profile.picture_url,
        deadline=deadline,
        public_only=not context.is_gateways_own(profile.picture_url),
        max_bytes=_MAX_BYTES,
        save_to=file,
    )
    if answer.status == 200 and answer.media_type in {"image/jpeg", "image/png", "image/webp"}:
        return file, profile.address.name
    return None, profile.address.name
