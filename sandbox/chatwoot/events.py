"""What happened, sent to webhooks and websocket (docs/contracts/chatwoot.md)."""

from collections.abc import Callable
from functools import partial

from flask import g, has_request_context

from sandbox.chatwoot.deliveries import Deliveries, Hook
from sandbox.chatwoot.faults import Faults
from sandbox.chatwoot.jobs import Jobs, later
from sandbox.chatwoot.records import (
    ACTIVITY,
    AgentBot,
    Contact,
    Conversation,
    Inbox,
    Json,
    Message,
    User,
)
from sandbox.chatwoot.shapes import Shapes
from sandbox.chatwoot.state import State
from sandbox.chatwoot.subscribers import Subscribers
from sandbox.chatwoot.versions import Trait
from sandbox.chatwoot.webhook_bodies import WebhookBodies

#: Events whose conversation Chatwoot's job reads anew, which drops who changed it.
_READ_ANEW = ("conversation.updated", "conversation.status_changed", "assignee.changed")


class Events:
    """Tells webhooks and websocket. All methods are called under the state's lock and do not wait.

    `mark_failed` is called, on a worker's thread, with a message and the reason its webhook
    was not accepted.
    """

    def __init__(
        self,
        state: State,
        faults: Faults,
        shapes: Shapes,
        bodies: WebhookBodies,
        subscribers: Subscribers,
        jobs: Jobs,
    ) -> None:
        self._state = state
        self._faults = faults
        self._shapes = shapes
        self._bodies = bodies
        self._subscribers = subscribers
        self._deliveries = Deliveries(lambda: state.options, jobs)
        self.mark_failed: Callable[[Message, str], None] = lambda message, reason: None

    def _doer(self, *, by_job: bool = False) -> Json:
        """Whose token did it, as the websocket says; nobody when a background job did it."""
        actor = g.get("actor") if has_request_context() and not by_job else None
        return {"performer": self._shapes.person_push(actor)} if actor else {}

    def message(
        self,
        event: str,
        message: Message,
        *,
        echo_id: object = None,
        changes: Json | None = None,
        by_job: bool = False,
    ) -> None:
        """`message_created` or `message_updated`. Activities never reach a webhook."""
        inbox = self._state.inboxes[message.inbox_id]
        extra = {} if echo_id is None else {"echo_id": echo_id}
        if event == "message_updated":
            extra["previous_changes"] = changes or {}
        self._tell_message(event.replace("_", ".", 1), message, extra | self._doer(by_job=by_job))
        if message.message_type == ACTIVITY:
            return
        late = None
        if message.attachment_ids and event == "message_created":
            late = self._faults.use("attachment_late", path=event)
        self._message_hooks(event, message, inbox, with_attachments=late is None)
        if late:
            update = partial(
                self._message_hooks, "message_updated", message, inbox, with_attachments=True
            )
            later(late.seconds, partial(self._deliveries.submit, update))

    def first_reply(self, message: Message, *, echo_id: object = None) -> None:
        """The first reply of an agent, which only the websocket tells."""
        extra = {} if echo_id is None else {"echo_id": echo_id}
        self._tell_message("first.reply.created", message, extra | self._doer())

    def _tell_message(self, event: str, message: Message, extra: Json) -> None:
        inbox = self._state.inboxes[message.inbox_id]
        self._subscribers.tell(inbox, event, lambda: self._shapes.message_push(message) | extra)

    def _message_hooks(
        self, event: str, message: Message, inbox: Inbox, *, with_attachments: bool
    ) -> None:
        build = self._late(
            self._state.conversations[message.conversation_id],
            lambda: self._bodies.message(event, message, with_attachments=with_attachments),
            lambda: self._state.messages.get(message.id) is message,
        )

        def failed(reason: str) -> None:
            if self._state.options.has(Trait.FAILED_MARK):
                self.mark_failed(message, reason)

        self._hooks(event, inbox, build, failed)
        if bot := self._state.bots.get(inbox.agent_bot_id or 0):
            self._deliveries.send(event, Hook(bot.outgoing_url, bot.secret), build)

    def _late(
        self,
        conversation: Conversation,
        make: Callable[[], Json],
        is_there: Callable[[], bool] = lambda: True,
    ) -> Callable[[], Json | None]:
        """The body of a webhook, made when its job runs; None when what it is about was deleted.

        That is its contact too, over whose absence Chatwoot's job stumbles.
        """

        def build() -> Json | None:
            state = self._state
            with state.lock:
                gone = state.conversations.get(conversation.id) is not conversation
                if gone or conversation.contact_id not in state.contacts or not is_there():
                    return None
                return make()

        return build

    def conversation(
        self, event: str, conversation: Conversation, changed: list[Json] | None = None
    ) -> None:
        """`conversation_created`, `_updated` or `_status_changed`."""
        inbox = self._state.inboxes[conversation.inbox_id]

        self.conversation_on_cable(event.replace("_", ".", 1), conversation)
        make = partial(self._bodies.conversation, event, conversation, changed or [])
        self._hooks(event, inbox, self._late(conversation, make))

    def conversation_on_cable(self, event: str, conversation: Conversation) -> None:
        """An event about a conversation, such as `assignee.changed`, on the websocket."""
        extra = {} if event in _READ_ANEW else self._doer()
        extra["account_id"] = conversation.account_id
        inbox = self._state.inboxes[conversation.inbox_id]
        self._subscribers.tell(
            inbox, event, lambda: self._shapes.conversation_push(conversation) | extra
        )

    def notification(self, event: str, conversation: Conversation, user_id: int) -> None:
        """`notification.created` or `notification.deleted`, to the agent it is for."""
        about = {"primary_actor_type": "Conversation", "primary_actor_id": conversation.display_id}
        data = {"account_id": conversation.account_id, "notification": about}
        self._subscribers.tell_user(user_id, event, data)

    def typing(
        self, conversation: Conversation, user: User | AgentBot, *, on: bool, private: bool
    ) -> None:
        """Somebody types, or stopped; on all websockets but their own, by webhook since 4.2.0."""
        event = f"conversation_typing_{'on' if on else 'off'}"
        inbox = self._state.inboxes[conversation.inbox_id]

        extra = self._doer()

        def data() -> Json:
            return extra | {
                "conversation": self._shapes.conversation_push(conversation),
                "user": self._shapes.person_push(user),
                "is_private": private,
                "account_id": conversation.account_id,
            }

        self._subscribers.tell(inbox, event.replace("_", ".", 1), data, but=user)
        if self._state.options.has(Trait.TYPING_HOOKS):
            make = partial(self._bodies.typing, event, conversation, user, private=private)
            self._hooks(event, inbox, self._late(conversation, make))

    def contact(self, event: str, contact: Contact, changed: list[Json] | None = None) -> None:
        """`contact_created`, `_updated`, `_merged`, `_deleted`; a webhook tells only changes."""
        extra = {"account_id": contact.account_id} | self._doer()
        self._subscribers.tell_account(
            contact.account_id,
            event.replace("_", ".", 1),
            lambda: self._shapes.contact_push(contact) | extra,
        )
        if event == "contact_created" or (event == "contact_updated" and changed):
            body = self._bodies.contact(event, contact, changed or [])
            self._account_hooks(event, contact.account_id, lambda: body)

    def _hooks(
        self,
        event: str,
        inbox: Inbox,
        build: Callable[[], Json | None],
        failed: Callable[[str], None] = lambda reason: None,
    ) -> None:
        if inbox.webhook_url:
            secret = inbox.secret if self._state.options.has(Trait.SECRET) else ""
            self._deliveries.send(event, Hook(inbox.webhook_url, secret, failed), build)
        self._account_hooks(event, inbox.account_id, build)

    def _account_hooks(self, event: str, account_id: int, build: Callable[[], Json | None]) -> None:
        signed = self._state.options.has(Trait.DELIVERY_ID)
        for row in self._state.webhooks.values():
            if row.account_id == account_id and event in row.subscriptions:
                secret = row.secret if signed else ""
                self._deliveries.send(event, Hook(row.url, secret), build)
