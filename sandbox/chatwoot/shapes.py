"""The JSON of contacts, conversations and messages; called under the state's lock."""

from datetime import UTC, datetime
from urllib.parse import quote

from sandbox.chatwoot.records import (
    ACTIVITY,
    INCOMING,
    AgentBot,
    Attachment,
    Contact,
    ContactInbox,
    Conversation,
    Inbox,
    Json,
    Message,
    User,
)
from sandbox.chatwoot.state import State
from sandbox.chatwoot.versions import Trait

_CONTACT = "additional_attributes custom_attributes email id identifier name phone_number"
_ATTACHMENT = "id message_id file_type account_id extension content_type file_size"
_MESSAGE = (
    "id content inbox_id message_type content_type status content_attributes private source_id"
)
_PUSHED_MESSAGE = "account_id sender_type sender_id additional_attributes"
_CONVERSATION = "additional_attributes custom_attributes inbox_id labels status updated_at priority"
#: The order in which REST shows a conversation.
_ORDER = (
    "meta id messages account_id uuid additional_attributes agent_last_seen_at"
    " assignee_last_seen_at can_reply contact_last_seen_at custom_attributes inbox_id labels muted"
    " snoozed_until status created_at updated_at timestamp first_reply_created_at unread_count"
    " last_non_activity_message last_activity_at priority waiting_since sla_policy_id"
)
_TIMES = "agent_last_seen_at contact_last_seen_at created_at last_activity_at waiting_since"
_PLACE = "id contact_id inbox_id source_id hmac_verified pubsub_token"


def iso(at: float) -> str:
    """Rails' JSON form of a time: milliseconds, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def picked(row: object, columns: str) -> Json:
    """The named columns of a row."""
    return {name: getattr(row, name) for name in columns.split()}


def bot_push(bot: AgentBot) -> Json:
    """An agent bot inside messages and conversations."""
    return {"id": bot.id, "name": bot.name, "avatar_url": "", "type": "agent_bot"}


def bot_row(bot: AgentBot) -> Json:
    """An agent bot as the REST API shows it."""
    row = {"id": bot.id, "name": bot.name, "description": None, "thumbnail": ""}
    return row | {"outgoing_url": bot.outgoing_url, "bot_type": "webhook"}


def epoch(at: float | None) -> int | None:
    """Whole seconds, or null."""
    return None if at is None else int(at)


class Shapes:
    """Turns rows into JSON. `base_url` is Chatwoot's FRONTEND_URL."""

    def __init__(self, state: State, base_url: str) -> None:
        self._state = state
        self._base_url = base_url

    def slim_inbox(self, inbox: Inbox) -> Json:
        """An inbox inside a contact."""
        columns = picked(inbox, "id channel_id name channel_type")
        return columns | {"avatar_url": "", "provider": None}

    def raw_inbox(self, inbox: Inbox) -> Json:
        """The bare database columns of an inbox, as contact creation leaks them."""
        columns = picked(inbox, "id channel_id account_id name channel_type")
        times = {"created_at": iso(inbox.created_at), "updated_at": iso(inbox.updated_at)}
        return columns | times | {"email_address": None} | inbox.settings

    def place(self, place: ContactInbox) -> Json:
        inbox = self._state.inboxes[place.inbox_id]
        shown = self.slim_inbox(inbox)
        if not self._state.options.has(Trait.SLIM_INBOX):
            shown |= self._settings(inbox)
        return {"source_id": place.source_id, "inbox": shown}

    def _settings(self, inbox: Inbox) -> Json:
        """What old versions show of an inbox to everybody who sees one of its contacts."""
        return inbox.settings | picked(
            inbox, "hmac_mandatory hmac_token webhook_url inbox_identifier additional_attributes"
        )

    def contact(self, contact: Contact, *, places: bool = True) -> Json:
        """A contact as the REST API shows it."""
        body = picked(contact, f"{_CONTACT} blocked")
        body |= {"availability_status": "offline", "thumbnail": contact.avatar_url}
        if contact.last_activity_at is not None:
            body["last_activity_at"] = epoch(contact.last_activity_at)
        body["created_at"] = epoch(contact.created_at)
        if places:
            mine = self._state.contact_inboxes.where(contact_id=contact.id)
            body["contact_inboxes"] = [self.place(place) for place in mine]
        return body

    def contact_push(self, contact: Contact) -> Json:
        columns = picked(contact, f"{_CONTACT} blocked")
        return columns | {"thumbnail": contact.avatar_url, "type": "contact"}

    def user_push(self, user: User) -> Json:
        person = {"id": user.id, "name": user.name, "available_name": user.name, "type": "user"}
        return person | {"avatar_url": "", "availability_status": "online", "thumbnail": ""}

    def sender_of(self, message: Message) -> User | AgentBot | Contact | None:
        """Who wrote a message; None for templates and activities."""
        if message.sender_id is None:
            return None
        match message.sender_type:
            case "User":
                return self._state.users.get(message.sender_id)
            case "AgentBot":
                return self._state.bots.get(message.sender_id)
        return self._state.contacts.get(message.sender_id)

    def person_push(self, person: User | AgentBot | Contact) -> Json:
        """Who wrote, types or did something, in REST answers and on the websocket."""
        match person:
            case User():
                return self.user_push(person)
            case AgentBot():
                return bot_push(person)
        return self.contact_push(person)

    def attachment(self, attachment: Attachment) -> Json:
        """A file. Its data_url redirects to the storage's address."""
        key, name = attachment.key, attachment.file_name
        url = f"{self._base_url}{blob_path(key, name)}"
        thumbnail = f"{self._base_url}{blob_path(key, name, thumbnail=True)}"
        options = self._state.options
        is_picture = attachment.file_type == "image" and attachment.content_type[:6] == "image/"
        inline = attachment.file_type == "audio" and options.has(Trait.INLINE_AUDIO)
        body = picked(attachment, _ATTACHMENT) | {
            "data_url": f"{url}?disposition=inline" if inline else url,
            "thumb_url": thumbnail if is_picture else "",
            "width": None,
            "height": None,
        }
        if attachment.file_type == "audio":
            body["transcribed_text"] = ""
        return body

    def attachments(self, message: Message) -> list[Json]:
        rows = self._state.attachments
        return [self.attachment(rows[row]) for row in message.attachment_ids if row in rows]

    def message(self, message: Message, echo_id: object = None) -> Json:
        """A message as the REST API shows it: integer type, epoch time, with its status."""
        conversation = self._state.conversations[message.conversation_id]
        body = picked(message, _MESSAGE) | {
            "conversation_id": conversation.display_id,
            "created_at": epoch(message.created_at),
        }
        if echo_id is not None:
            body["echo_id"] = echo_id
        if sender := self.sender_of(message):
            body["sender"] = self.person_push(sender)
        if attachments := self.attachments(message):
            body["attachments"] = attachments
        return body

    def message_push(self, message: Message) -> Json:
        """A message nested in a conversation or sent over the websocket."""
        conversation = self._state.conversations[message.conversation_id]
        place = self._state.contact_inboxes.get(conversation.contact_inbox_id)
        body = picked(message, f"{_MESSAGE} {_PUSHED_MESSAGE}") | {
            "conversation_id": conversation.display_id,
            "created_at": epoch(message.created_at),
            "updated_at": iso(message.updated_at),
            "external_source_ids": {},
            "processed_message_content": message.content,
            "sentiment": {},
            "conversation": {
                "assignee_id": conversation.assignee_id,
                "unread_count": self.unread_count(conversation),
                "last_activity_at": epoch(conversation.last_activity_at),
                "contact_inbox": {"source_id": place.source_id if place else None},
            },
        }
        if attachments := self.attachments(message):
            body["attachments"] = attachments
        if sender := self.sender_of(message):
            body["sender"] = self.person_push(sender)
        return body

    def unread_count(self, conversation: Conversation) -> int:
        """Incoming messages no agent has seen; Chatwoot stops counting at ten."""
        seen = conversation.agent_last_seen_at or 0
        count = 0
        for message in reversed(self._state.thread(conversation)):
            if message.created_at <= seen or count == 10:
                break
            count += message.message_type == INCOMING
        return count

    def last_message(self, conversation: Conversation, *, notes: bool = False) -> Message | None:
        """The newest message that is no activity; private notes count only when asked for."""
        for message in reversed(self._state.thread(conversation)):
            if message.message_type != ACTIVITY and (notes or not message.private):
                return message
        return None

    def can_reply(self, conversation: Conversation) -> bool:
        """False once the inbox's reply window (hours) has passed since the last incoming one."""
        inbox = self._state.inboxes[conversation.inbox_id]
        window = inbox.additional_attributes.get("agent_reply_time_window")
        if not isinstance(window, int | float):
            return True
        now = self._state.options.now()
        for message in reversed(self._state.thread(conversation)):
            if message.message_type == INCOMING:
                return now - message.created_at < window * 3600
        return False

    def _meta(self, conversation: Conversation, sender: Json) -> Json:
        place = self._state.contact_inboxes.get(conversation.contact_inbox_id)
        user = self._state.users.get(conversation.assignee_id or 0)
        bot = self._state.bots.get(conversation.assignee_agent_bot_id or 0)
        assignee = self.user_push(user) if user else bot_push(bot) if bot else None
        return {
            "sender": sender,
            "assignee": assignee,
            "assignee_type": "User" if user else "AgentBot" if bot else None,
            "team": None,
            "hmac_verified": place.hmac_verified if place else False,
        }

    def conversation(self, conversation: Conversation) -> Json:
        """A conversation as the REST API shows it. The source_id is not among its fields."""
        contact = self._state.contact_of(conversation)
        thread = self._state.thread(conversation)
        meta = self._meta(conversation, self.contact(contact, places=False))
        meta = {name: value for name, value in meta.items() if value is not None}
        if meta.get("assignee_type") == "AgentBot":
            meta["assignee"] = bot_row(self._state.bots[meta["assignee"]["id"]])
        last = self.last_message(conversation, notes=True)
        meta["channel"] = self._state.inboxes[conversation.inbox_id].channel_type
        body = self._conversation(conversation) | {
            "meta": meta,
            "messages": [self.message_push(thread[-1])] if thread else [],
            "account_id": conversation.account_id,
            "uuid": conversation.uuid,
            "assignee_last_seen_at": epoch(conversation.assignee_last_seen_at) or 0,
            "muted": contact.blocked,
            "first_reply_created_at": epoch(conversation.first_reply_created_at) or 0,
            "last_non_activity_message": self.message_push(last) if last else None,
            "sla_policy_id": None,
        }
        return {name: body[name] for name in _ORDER.split()}

    def conversation_push(self, conversation: Conversation) -> Json:
        """A conversation in webhooks and on the websocket."""
        state = self._state
        place = state.contact_inboxes.get(conversation.contact_inbox_id)
        last = self.last_message(conversation)
        first_reply = conversation.first_reply_created_at
        return self._conversation(conversation) | {
            "channel": state.inboxes[conversation.inbox_id].channel_type,
            "contact_inbox": place and self._place_push(place),
            "messages": [self.message_push(last)] if last else [],
            "meta": self._meta(conversation, self.contact_push(state.contact_of(conversation))),
            "first_reply_created_at": first_reply and iso(first_reply),
        }

    def _conversation(self, conversation: Conversation) -> Json:
        """What every form of a conversation has."""
        body = picked(conversation, _CONVERSATION)
        body |= {
            "id": conversation.display_id,
            "can_reply": self.can_reply(conversation),
            "snoozed_until": conversation.snoozed_until and iso(conversation.snoozed_until),
            "unread_count": self.unread_count(conversation),
            "timestamp": epoch(conversation.last_activity_at),
        }
        return body | {name: epoch(at) or 0 for name, at in picked(conversation, _TIMES).items()}

    def _place_push(self, place: ContactInbox) -> Json:
        times = dict.fromkeys(("created_at", "updated_at"), iso(place.created_at))
        return picked(place, _PLACE) | times

    def account(self, account_id: int) -> Json:
        """The account inside webhooks."""
        return {"id": account_id, "name": self._state.accounts[account_id].name}


def blob_path(key: str, file_name: str, *, thumbnail: bool = False) -> str:
    """The path of the stable address of a stored file, encoded as Rails does it."""
    name = quote(file_name, safe="!$&'()*+,;=:@")
    kind = "representations" if thumbnail else "blobs"
    return f"/rails/active_storage/{kind}/redirect/{key}/{'250/' if thumbnail else ''}{name}"
