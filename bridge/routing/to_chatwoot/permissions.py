"""Whether an event may change a message: a client that is not WhatsApp's own can name any message
in a deletion, an edit or a reaction, also one of another chat."""

from bridge.domain.messages import ChatKind, Kind, Message
from bridge.routing import addresses
from bridge.routing.context import Context
from bridge.store.chats import Chat
from bridge.store.journal import MessageLink


def author(message: Message) -> str:
    """Who wrote a message of a group: every form that was named, in one text. Empty where the chat
    and its direction say it already."""
    if message.chat_kind is not ChatKind.GROUP or message.from_me:
        return ""
    return " ".join(addresses.named(message.sender).forms)


def may_point_at(target: MessageLink, chat: Chat) -> bool:
    """Whether a quote or a reaction in a chat is about a message of it."""
    return target.chat_id == chat.id


def may_change(message: Message, target: MessageLink, chat: Chat, context: Context) -> bool:
    """Whether a deletion or an edit is about a message of the same chat and author. In a group an
    admin deletes as well: one whom the event calls so, or our own number, which WhatsApp lets do no
    more than it may. Of messages from before authors were noted, those of members count."""
    if not may_point_at(target, chat):
        return False
    is_group, deletes = chat.kind == "group", message.kind is Kind.REVOKE
    if is_group and deletes and (message.from_me or message.by_admin):
        return True
    if target.from_me != message.from_me:
        return False
    if not is_group or message.from_me or not target.author:
        return True
    author, sender = target.author.split(), addresses.named(message.sender)
    if not set(author).isdisjoint({*sender.forms, *sender.spellings}):
        return True
    # A member may be named by LID once and by number the next time.
    return context.services.chats.is_one_person(chat.instance_id, author, sender.forms)
