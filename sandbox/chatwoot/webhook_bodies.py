"""The bodies of webhooks, type traps included (docs/contracts/chatwoot.md, Webhooks).

Top level: `message_type` is text and `created_at` ISO; in `conversation.messages[]` they are an
integer and epoch seconds. There is no `status` and no `echo_id`.
"""

from sandbox.chatwoot.records import (
    MESSAGE_TYPES,
    AgentBot,
    Contact,
    Conversation,
    Json,
    Message,
    User,
)
from sandbox.chatwoot.sentences import sentence
from sandbox.chatwoot.shapes import Shapes, iso, picked
from sandbox.chatwoot.state import State
from sandbox.chatwoot.versions import Trait

_MESSAGE = "additional_attributes content_attributes content_type id private source_id"
SURVEY_PATH = "/survey/responses/"


class WebhookBodies:
    """Builds webhook bodies; called under the state's lock."""

    def __init__(self, state: State, shapes: Shapes, base_url: str) -> None:
        self._state = state
        self._shapes = shapes
        self._base_url = base_url

    def message(self, event: str, message: Message, *, with_attachments: bool = True) -> Json:
        state = self._state
        conversation = state.conversations[message.conversation_id]
        inbox = state.inboxes[message.inbox_id]
        body = picked(message, _MESSAGE) | {
            "account": self._shapes.account(message.account_id),
            "content": self._content(message, conversation),
            "conversation": self._conversation(conversation),
            "created_at": iso(message.created_at),
            "inbox": {"id": inbox.id, "name": inbox.name},
            "message_type": MESSAGE_TYPES[message.message_type],
            "sender": self._sender(self._shapes.sender_of(message)),
        }
        attachments = self._shapes.attachments(message)
        if attachments and with_attachments:
            body["attachments"] = attachments
        body["event"] = event
        return body

    def _content(self, message: Message, conversation: Conversation) -> str | None:
        content = message.content
        if message.content_type == "input_csat":
            return self._survey(message, conversation)
        if content and self._state.options.has(Trait.HARD_BREAKS):
            content = content.replace("\\\n", "\n")
        if content and self._state.options.has(Trait.NEWLINES_CUT):
            content = content.rstrip("\n")
        return content

    def _survey(self, message: Message, conversation: Conversation) -> str | None:
        """The text with its link; a text of the inbox's own comes with its Liquid unrendered."""
        if not self._state.options.has(Trait.SURVEY_LINK_HOOKED):
            return message.content
        link = f"{self._base_url}{SURVEY_PATH}{conversation.uuid}"
        config = self._state.inboxes[conversation.inbox_id].settings["csat_config"] or {}
        if own := config.get("message"):
            return f"{own} {link}"
        locale = self._state.accounts[message.account_id].locale
        return sentence(locale, "survey link", link=link)

    def _sender(self, sender: User | AgentBot | Contact | None) -> Json | None:
        match sender:
            case User():
                return picked(sender, "id name email") | {"type": "user"}
            case AgentBot():
                return picked(sender, "id name") | {"type": "agent_bot"}
            case Contact():
                body = self._shapes.contact_push(sender)
                del body["type"]
                account = self._shapes.account(sender.account_id)
                return body | {"account": account, "avatar": sender.avatar_url}
        return None

    def contact(self, event: str, contact: Contact, changed: list[Json]) -> Json:
        """`contact_created` or `contact_updated`: account webhooks only."""
        body = {**(self._sender(contact) or {}), "event": event}
        return body | ({"changed_attributes": changed} if changed else {})

    def _conversation(self, conversation: Conversation) -> Json:
        account = {"account": self._shapes.account(conversation.account_id)}
        return self._shapes.conversation_push(conversation) | account

    def conversation(self, event: str, conversation: Conversation, changed: list[Json]) -> Json:
        body = self._conversation(conversation)
        if event != "conversation_created":
            body["changed_attributes"] = changed or None
        return body | {"event": event}

    def typing(
        self, event: str, conversation: Conversation, user: User | AgentBot, *, private: bool
    ) -> Json:
        return {
            "event": event,
            "user": self._sender(user),
            "conversation": self._conversation(conversation),
            "is_private": private,
        }
