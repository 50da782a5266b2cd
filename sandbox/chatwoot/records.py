"""The rows of the sandbox Chatwoot: JSON values only; times are seconds since 1970."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

INCOMING, OUTGOING, ACTIVITY, TEMPLATE = 0, 1, 2, 3
MESSAGE_TYPES = ("incoming", "outgoing", "activity", "template")
CONVERSATION_STATUSES = ("open", "resolved", "pending", "snoozed")
MESSAGE_STATUSES = ("sent", "delivered", "read", "failed")


@dataclass
class Row:
    """What every row has."""

    id: int


@dataclass
class Account(Row):
    """A company. With `inbox_limit` inboxes it gets no further one."""

    name: str
    status: str = "active"
    locale: str = "en"
    inbox_limit: int = 100_000
    next_display_id: int = 1


@dataclass
class User(Row):
    """A person with an API token. `roles` maps an account id, as text, to the role there."""

    name: str
    email: str
    access_token: str
    pubsub_token: str
    roles: dict[str, str]


@dataclass
class AgentBot(Row):
    """A bot of one account; its token may call a few endpoints only."""

    name: str
    access_token: str
    account_id: int
    outgoing_url: str = ""
    secret: str = ""


@dataclass
class Inbox(Row):
    """An inbox together with its channel. `settings` holds the plain, client-set columns."""

    account_id: int
    channel_id: int
    name: str
    settings: Json
    webhook_url: str | None
    hmac_mandatory: bool
    hmac_token: str
    secret: str
    inbox_identifier: str
    additional_attributes: Json
    created_at: float
    updated_at: float
    working_hours: list[Json]
    channel_type: str = "Channel::Api"
    members: list[int] = field(default_factory=list)
    agent_bot_id: int | None = None


@dataclass
class Contact(Row):
    """A customer. Identifier, phone number and e-mail are unique within the account."""

    account_id: int
    name: str | None
    created_at: float
    updated_at: float
    email: str | None = None
    phone_number: str | None = None
    identifier: str | None = None
    blocked: bool = False
    additional_attributes: Json = field(default_factory=dict)
    custom_attributes: Json = field(default_factory=dict)
    last_activity_at: float | None = None
    avatar_url: str = ""


@dataclass
class ContactInbox(Row):
    """The place of one contact in one inbox; (inbox_id, source_id) is unique."""

    contact_id: int
    inbox_id: int
    source_id: str
    pubsub_token: str
    created_at: float
    hmac_verified: bool = False


@dataclass
class Conversation(Row):
    """A conversation. The outside server knows it by `display_id`, counted per account.

    `participants`: the agents who had it, who are told of new messages; `notified`: the agents
    of its notifications; `labels_cached`: the text of its labels was saved once.
    """

    display_id: int
    account_id: int
    inbox_id: int
    contact_id: int
    contact_inbox_id: int
    uuid: str
    status: str
    created_at: float
    updated_at: float
    last_activity_at: float
    waiting_since: float | None
    assignee_id: int | None = None
    labels: list[str] = field(default_factory=list)
    custom_attributes: Json = field(default_factory=dict)
    additional_attributes: Json = field(default_factory=dict)
    snoozed_until: float | None = None
    priority: str | None = None
    first_reply_created_at: float | None = None
    agent_last_seen_at: float | None = None
    assignee_last_seen_at: float | None = None
    contact_last_seen_at: float | None = None
    assignee_agent_bot_id: int | None = None
    labels_cached: bool = False
    participants: list[int] = field(default_factory=list)
    notified: list[int] = field(default_factory=list)


@dataclass
class Message(Row):
    """A message. `conversation_id` is the global id, not the display id."""

    account_id: int
    inbox_id: int
    conversation_id: int
    message_type: int
    content: str | None
    created_at: float
    updated_at: float
    content_type: str = "text"
    content_attributes: Json = field(default_factory=dict)
    status: str = "sent"
    private: bool = False
    source_id: str | None = None
    sender_type: str | None = None
    sender_id: int | None = None
    additional_attributes: Json = field(default_factory=dict)
    attachment_ids: list[int] = field(default_factory=list)


@dataclass
class Attachment(Row):
    """A file of a message. The bytes lie in the store under `key`."""

    message_id: int
    account_id: int
    file_type: str
    content_type: str
    file_name: str
    file_size: int
    key: str
    created_at: float

    @property
    def extension(self) -> str | None:
        """The file name's ending without the dot."""
        _, dot, ending = self.file_name.rpartition(".")
        return ending if dot and ending else None


@dataclass
class AccountWebhook(Row):
    """A webhook of the whole account (docs/contracts/chatwoot.md, Webhooks)."""

    account_id: int
    url: str
    name: str
    subscriptions: list[str]
    secret: str
