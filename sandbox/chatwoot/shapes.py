"""The JSON of contacts, conversations and messages, as REST, webhooks and the websocket share it.

Source: docs/contracts/chatwoot.md, Messages and Webhooks. All are called under the state's lock.
"""

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


def iso(at: float) -> str:
    """Rails' JSON form of a time: milliseconds, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def bot_push(bot: AgentBot) -> Json:
    """An agent bot inside messages and conversations."""
    return {"id": bot.id, "name": bot.name, "avatar_url": "", "type": "agent_bot"}


def bot_row(bot: AgentBot) -> Json:
    """An agent bot as the REST API shows it."""
    return {
        "id": bot.id,
        "name": bot.name,
        "description": None,
        "thumbnail": "",
        "outgoing_url": bot.outgoing_url,
        "bot_type": "webhook",
    }


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
        return {
            "id": inbox.id,
            "avatar_url": "",
            "channel_id": inbox.channel_id,
            "name": inbox.name,
            "channel_type": inbox.channel_type,
            "provider": None,
        }

    def raw_inbox(self, inbox: Inbox) -> Json:
        """The bare database columns of an inbox, as contact creation leaks them."""
        columns = {
            "id": inbox.id,
            "channel_id": inbox.channel_id,
            "account_id": inbox.account_id,
            "name": inbox.name,
            "created_at": iso(inbox.created_at),
            "updated_at": iso(inbox.updated_at),
            "channel_type": inbox.channel_type,
            "email_address": None,
        }
        return columns | inbox.settings

    def place(self, place: ContactInbox) -> Json:
        """A contact_inbox."""
        inbox = self._state.inboxes[place.inbox_id]
        shown = self.slim_inbox(inbox)
        if not self._state.options.has(Trait.SLIM_INBOX):
            shown |= self._settings(inbox)
        return {"source_id": place.source_id, "inbox": shown}

    def _settings(self, inbox: Inbox) -> Json:
        """What old versions show of an inbox to everybody who sees one of its contacts."""
        return inbox.settings | {
            "hmac_mandatory": inbox.hmac_mandatory,
            "hmac_token": inbox.hmac_token,
            "webhook_url": inbox.webhook_url,
            "inbox_identifier": inbox.inbox_identifier,
            "additional_attributes": inbox.additional_attributes,
        }

    def contact(self, contact: Contact, *, places: bool = True) -> Json:
        """A contact as the REST API shows it."""
        body: Json = {
            "additional_attributes": contact.additional_attributes,
            "availability_status": "offline",
            "email": contact.email,
            "id": contact.id,
            "name": contact.name,
            "phone_number": contact.phone_number,
            "blocked": contact.blocked,
            "identifier": contact.identifier,
            "thumbnail": contact.avatar_url,
            "custom_attributes": contact.custom_attributes,
        }
        if contact.last_activity_at is not None:
            body["last_activity_at"] = epoch(contact.last_activity_at)
        body["created_at"] = epoch(contact.created_at)
        if places:
            mine = self._state.places_of[contact.id]
            body["contact_inboxes"] = [self.place(place) for place in mine]
        return body

    def contact_push(self, contact: Contact) -> Json:
        """A contact inside messages and conversations."""
        return {
            "additional_attributes": contact.additional_attributes,
            "custom_attributes": contact.custom_attributes,
            "email": contact.email,
            "id": contact.id,
            "identifier": contact.identifier,
            "name": contact.name,
            "phone_number": contact.phone_number,
            "thumbnail": contact.avatar_url,
            "blocked": contact.blocked,
            "type": "contact",
        }

    def user_push(self, user: User) -> Json:
        """A user inside messages and conversations."""
        return {
            "id": user.id,
            "name": user.name,
            "available_name": user.name,
            "avatar_url": "",
            "type": "user",
            "availability_status": "online",
            "thumbnail": "",
        }

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
        body: Json = {
            "id": attachment.id,
            "message_id": attachment.message_id,
            "file_type": attachment.file_type,
            "account_id": attachment.account_id,
            "extension": attachment.extension,
        }
        body |= {
            "content_type": attachment.content_type,
            "data_url": f"{url}?disposition=inline" if inline else url,
            "thumb_url": thumbnail if is_picture else "",
            "file_size": attachment.file_size,
            "width": None,
            "height": None,
        }
        if attachment.file_type == "audio":
            body["transcribed_text"] = ""
        return body

    def attachments(self, message: Message) -> list[Json]:
        """The files of a message."""
        rows = self._state.attachments
        return [self.attachment(rows[one]) for one in message.attachment_ids if one in rows]

    def message(self, message: Message, echo_id: object = None) -> Json:
        """A message as the REST API shows it: integer type, epoch time, with its status."""
        body: Json = {
            "id": message.id,
            "content": message.content,
            "inbox_id": message.inbox_id,
        }
        if echo_id is not None:
            body["echo_id"] = echo_id
        body |= {
            "conversation_id": self._state.conversations[message.conversation_id].display_id,
            "message_type": message.message_type,
            "content_type": message.content_type,
            "status": message.status,
            "content_attributes": message.content_attributes,
            "created_at": epoch(message.created_at),
            "private": message.private,
            "source_id": message.source_id,
        }
        if sender := self.sender_of(message):
            body["sender"] = self.person_push(sender)
        if attachments := self.attachments(message):
            body["attachments"] = attachments
        return body

    def message_push(self, message: Message) -> Json:
        """A message nested in a conversation or sent over the websocket."""
        conversation = self._state.conversations[message.conversation_id]
        place = self._state.contact_inboxes.get(conversation.contact_inbox_id)
        body: Json = {
            "id": message.id,
            "content": message.content,
            "account_id": message.account_id,
            "inbox_id": message.inbox_id,
            "conversation_id": conversation.display_id,
            "message_type": message.message_type,
            "created_at": epoch(message.created_at),
            "updated_at": iso(message.updated_at),
            "private": message.private,
            "status": message.status,
            "source_id": message.source_id,
            "content_type": message.content_type,
            "content_attributes": message.content_attributes,
            "sender_type": message.sender_type,
            "sender_id": message.sender_id,
            "external_source_ids": {},
            "additional_attributes": message.additional_attributes,
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
        for message in reversed(self._state.thread[conversation.id]):
            if message.created_at <= seen or count == 10:
                break
            count += message.message_type == INCOMING
        return count

    def last_message(self, conversation: Conversation, *, notes: bool = False) -> Message | None:
        """The newest message that is no activity; private notes count only when asked for."""
        for message in reversed(self._state.thread[conversation.id]):
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
        for message in reversed(self._state.thread[conversation.id]):
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
        thread = self._state.thread[conversation.id]
        meta = self._meta(conversation, self.contact(contact, places=False))
        meta = {name: value for name, value in meta.items() if value is not None}
        if meta.get("assignee_type") == "AgentBot":
            meta["assignee"] = bot_row(self._state.bots[meta["assignee"]["id"]])
        last = self.last_message(conversation, notes=True)
        meta["channel"] = self._state.inboxes[conversation.inbox_id].channel_type
        return {
            "meta": meta,
            "id": conversation.display_id,
            "messages": [self.message_push(thread[-1])] if thread else [],
            "account_id": conversation.account_id,
            "uuid": conversation.uuid,
            "additional_attributes": conversation.additional_attributes,
            "agent_last_seen_at": epoch(conversation.agent_last_seen_at) or 0,
            "assignee_last_seen_at": epoch(conversation.assignee_last_seen_at) or 0,
            "can_reply": self.can_reply(conversation),
            "contact_last_seen_at": epoch(conversation.contact_last_seen_at) or 0,
            "custom_attributes": conversation.custom_attributes,
            "inbox_id": conversation.inbox_id,
            "labels": conversation.labels,
            "muted": contact.blocked,
            "snoozed_until": conversation.snoozed_until and iso(conversation.snoozed_until),
            "status": conversation.status,
            "created_at": epoch(conversation.created_at),
            "updated_at": conversation.updated_at,
            "timestamp": epoch(conversation.last_activity_at),
            "first_reply_created_at": epoch(conversation.first_reply_created_at) or 0,
            "unread_count": self.unread_count(conversation),
            "last_non_activity_message": self.message_push(last) if last else None,
            "last_activity_at": epoch(conversation.last_activity_at),
            "priority": conversation.priority,
            "waiting_since": epoch(conversation.waiting_since) or 0,
            "sla_policy_id": None,
        }

    def conversation_push(self, conversation: Conversation) -> Json:
        """A conversation in webhooks and on the websocket."""
        state = self._state
        place = state.contact_inboxes.get(conversation.contact_inbox_id)
        last = self.last_message(conversation)
        contact = state.contact_of(conversation)
        return {
            "additional_attributes": conversation.additional_attributes,
            "can_reply": self.can_reply(conversation),
            "channel": state.inboxes[conversation.inbox_id].channel_type,
            "contact_inbox": place and self._place_push(place),
            "id": conversation.display_id,
            "inbox_id": conversation.inbox_id,
            "messages": [self.message_push(last)] if last else [],
            "labels": conversation.labels,
            "meta": self._meta(conversation, self.contact_push(contact)),
            "status": conversation.status,
            "custom_attributes": conversation.custom_attributes,
            "snoozed_until": conversation.snoozed_until and iso(conversation.snoozed_until),
            "unread_count": self.unread_count(conversation),
            "first_reply_created_at": conversation.first_reply_created_at
            and iso(conversation.first_reply_created_at),
            "priority": conversation.priority,
            "waiting_since": epoch(conversation.waiting_since) or 0,
            "agent_last_seen_at": epoch(conversation.agent_last_seen_at) or 0,
            "contact_last_seen_at": epoch(conversation.contact_last_seen_at) or 0,
            "last_activity_at": epoch(conversation.last_activity_at),
            "timestamp": epoch(conversation.last_activity_at),
            "created_at": epoch(conversation.created_at),
            "updated_at": conversation.updated_at,
        }

    def _place_push(self, place: ContactInbox) -> Json:
        return {
            "id": place.id,
            "contact_id": place.contact_id,
            "inbox_id": place.inbox_id,
            "source_id": place.source_id,
            "created_at": iso(place.created_at),
            "updated_at": iso(place.created_at),
            "hmac_verified": place.hmac_verified,
            "pubsub_token": place.pubsub_token,
        }

    def account(self, account_id: int) -> Json:
        """The account inside webhooks."""
        return {"id": account_id, "name": self._state.accounts[account_id].name}


def blob_path(key: str, file_name: str, *, thumbnail: bool = False) -> str:
    """The path of the stable address of a stored file, encoded as Rails does it."""
    name = quote(file_name, safe="!$&'()*+,;=:@")
    kind = "representations" if thumbnail else "blobs"
    return f"/rails/active_storage/{kind}/redirect/{key}/{'250/' if thumbnail else ''}{name}"
