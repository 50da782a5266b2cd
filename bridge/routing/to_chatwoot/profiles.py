"""Fills in what WhatsApp knows of a contact: the name, the picture and the number.

Best effort, beside the lane of the chat, and only where nobody in Chatwoot has written anything.
"""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from bridge.chatwoot.refusals import ContactGone, PhoneTaken
from bridge.domain.errors import BridgeError
from bridge.gateways import jids, numbers
from bridge.net.deadline import Deadline
from bridge.net.http import CallFailed
from bridge.routing import addresses
from bridge.routing.context import CALL_S, Context
from bridge.routing.jobs import ContactProfile
from bridge.store.chats import Chat
from bridge.store.conversation_links import ConversationLink

log = logging.getLogger(__name__)

#: Chatwoot's own limit for avatars is 15 MB (docs/contracts/chatwoot.md, Contacts); profile
#: pictures are small.
_MAX_BYTES = 2 * 1024 * 1024


def fill_in(chat: Chat, wanted: ContactProfile, context: Context) -> None:
    """Gives the contact its name and its picture; what does not work is left as it is."""
    link = context.services.chats.thread(context.integration.id, chat.id)
    if link is None or link.contact_id != wanted.contact_id:
        return
    try:
        _name(chat, link, context)
        if wanted.phone:
            _number(chat, link, wanted.phone, context)
        if wanted.with_picture:
            with picture(chat, context, seconds=CALL_S) as (file, _):
                if file is not None:
                    context.chatwoot().contacts.update(link.contact_id, avatar=file)
    except (BridgeError, CallFailed) as error:
        log.info("contact %s stays as it is: %s", wanted.contact_id, error)


def _name(chat: Chat, link: ConversationLink, context: Context) -> None:
    """Only while Chatwoot still shows the name that we gave."""
    if not link.given_name or not chat.name or chat.name == link.given_name:
        return
    contacts, given_name = context.chatwoot().contacts, ""
    with contextlib.suppress(ContactGone):
        if contacts.get(link.contact_id).name == link.given_name:
            contacts.update(link.contact_id, name=chat.name)
            given_name = chat.name if chat.kind == "group" else ""
        context.services.chats.note_given_name(link.integration_id, chat.id, given_name)


def _number(chat: Chat, link: ConversationLink, phone: str, context: Context) -> None:
    """Only where Chatwoot has none, or the one that the person does not have any more. When another
    contact has it, the person was here twice, and an agent decides whether to merge the two."""
    contacts = context.chatwoot().contacts
    old = {"", *(f"+{digits}" for digits in numbers.spellings(jids.phone(chat.lost)))}
    with contextlib.suppress(ContactGone, PhoneTaken):
        if contacts.get(link.contact_id).phone in old:
            contacts.update(link.contact_id, phone=f"+{phone}")


@contextlib.contextmanager
def picture(chat: Chat, context: Context, *, seconds: float) -> Iterator[tuple[Path | None, str]]:
    """The picture that WhatsApp has of a person, until the block ends, None without one; and what
    it calls that person, empty where it does not say.

    Raises GatewayErrors and CallFailed.
    """
    if context.gateway is None or chat.kind == "group":
        yield None, ""
        return
    deadline = Deadline(seconds)
    profile = context.gateway.profile(addresses.of_text(chat.address), deadline=deadline)
    with context.folder() as folder:
        yield _download(profile.picture_url, folder, context, deadline), profile.address.name


def _download(url: str, folder: Path, context: Context, deadline: Deadline) -> Path | None:
    if not url:
        return None
    file = folder / "picture"
    answer = context.services.http.call(
        "GET",
        url,
        deadline=deadline,
        public_only=not context.is_gateways_own(url),
        max_bytes=_MAX_BYTES,
        save_to=file,
    )
    is_picture = answer.media_type in {"image/jpeg", "image/png", "image/webp"}
    return file if answer.status == 200 and is_picture else None
