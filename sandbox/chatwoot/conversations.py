"""Conversation routes (docs/contracts/chatwoot.md, Conversations)."""

from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import cast

from flask import Blueprint, Response

from sandbox.chatwoot import contact_actions, filters, message_actions
from sandbox.chatwoot import conversation_actions as actions
from sandbox.chatwoot.access import (
    Caller,
    account_route,
    as_bool,
    as_id,
    conversation_route,
    is_blank,
    params,
    query,
    server,
)
from sandbox.chatwoot.account import agent
from sandbox.chatwoot.answers import (
    Refusal,
    crash,
    empty,
    invalid,
    not_allowed,
    not_found,
    reply,
    unprocessable,
)
from sandbox.chatwoot.messages import draft_of
from sandbox.chatwoot.records import (
    CONVERSATION_STATUSES,
    AgentBot,
    ContactInbox,
    Conversation,
    Inbox,
    Json,
)
from sandbox.chatwoot.shapes import iso
from sandbox.chatwoot.templates import note
from sandbox.chatwoot.versions import Trait

routes = Blueprint("conversations", __name__)

_PAGE = 25
_PRIORITIES = (None, "low", "medium", "high", "urgent")
_SORTED_BY = ("last_activity_at", "created_at", "waiting_since")
_FILTERS = dict.fromkeys(
    ("status", "assignee_id", "inbox_id", "contact_id", "display_id", "priority"), filters.EQUAL
)


@account_route(routes, "/conversations", "POST", bots=True)
def create_conversation(who: Caller) -> Response:
    """A new conversation; with the lock, the last one of the contact_inbox, unchanged."""
    given, state = params(), server().state
    place = _place(who)
    inbox = state.inboxes[place.inbox_id]
    if inbox.account_id != who.account.id or not who.may_see(inbox):
        raise not_allowed()
    draft = _first_message(inbox)
    earlier = state.conversations.where(contact_inbox_id=place.id)
    if inbox.settings["lock_to_single_conversation"] and earlier:
        conversation = earlier[-1]
    else:
        assignee = state.users.get(as_id(given.get("assignee_id")))
        conversation = actions.start(
            server(),
            place,
            status=_status(given.get("status") or "open"),
            wanted=given,
            assignee=assignee if assignee and str(who.account.id) in assignee.roles else None,
            snoozed_until=_time(given.get("snoozed_until")),
        )
    if draft:
        message_actions.create(server(), conversation, draft, author=who.actor)
    return _shown(conversation)


def _first_message(inbox: Inbox) -> message_actions.Draft | None:
    """The message of the request. Crashes where POST messages answers the exception's text."""
    message = params().get("message")
    if is_blank(message) or message == {}:
        return None
    if not isinstance(message, dict):
        raise crash()
    try:
        draft = draft_of(message)
        problems = message_actions.problems(inbox, draft)
    except Refusal:
        raise crash() from None
    if problems:
        raise invalid(*problems)
    return draft


def _status(wanted: object) -> str:
    """A status by name or number; any other is an exception nobody rescues."""
    if type(wanted) is int and 0 <= wanted < len(CONVERSATION_STATUSES):
        return CONVERSATION_STATUSES[wanted]
    if wanted not in CONVERSATION_STATUSES:
        raise crash()
    return str(wanted)


def _time(given: object) -> float | None:
    """A time as epoch seconds or ISO text; anything else is none."""
    if type(given) in (int, float):
        return float(cast(float, given))
    with suppress(ValueError):
        return datetime.fromisoformat(str(given)).timestamp()
    return None


def _place(who: Caller) -> ContactInbox:
    """The contact_inbox a request means: by inbox and contact, else by source_id anywhere."""
    given, state = params(), server().state
    inbox = None if is_blank(given.get("inbox_id")) else who.inbox(given["inbox_id"])
    contact = None if is_blank(given.get("contact_id")) else who.contact(given["contact_id"])
    source_id = None if given.get("source_id") is None else str(given["source_id"])
    if inbox and contact:
        try:
            place = actions.place_in_inbox(server(), contact, inbox, source_id)
        except actions.SourceTaken:
            raise unprocessable("source_id should be unique") from None
        if place:
            return place
    found = state.contact_inboxes.first(source_id=source_id)
    if found is None:
        raise not_found()
    return found


@account_route(routes, "/conversations", "GET")
def list_conversations(who: Caller) -> Response:
    """Twenty-five a page, latest activity first; the open ones unless `status` says else."""
    state, given = server().state, query()
    status = given.get("status", "open")
    inbox_id = as_id(given["inbox_id"]) if given.get("inbox_id") else None
    sources = given.get("source_id") or None
    found = _seen_by(who)
    if sources and state.options.has(Trait.SOURCE_ID_FILTER):
        wanted = sources if isinstance(sources, list) else [sources]
        places = [p.id for row in wanted for p in state.contact_inboxes.where(source_id=row)]
        found = [row for row in found if row.contact_inbox_id in places]
    found = [
        row for row in found if status in ("all", row.status) and inbox_id in (None, row.inbox_id)
    ]
    meta = _counts(who, found)
    match given.get("assignee_type"):
        case "me":
            found = [row for row in found if row.assignee_id == who.actor.id]
        case "assigned":
            found = [row for row in found if row.assignee_id]
        case "unassigned":
            found = [row for row in found if not row.assignee_id]
    payload = _page(_sorted(found, str(given.get("sort_by"))))
    return reply({"data": {"meta": meta, "payload": payload}})


def _seen_by(who: Caller) -> list[Conversation]:
    """The conversations of the account that the caller may see."""
    state = server().state
    return [
        row
        for row in state.conversations.values()
        if row.account_id == who.account.id and who.may_see(state.inboxes[row.inbox_id])
    ]


def _counts(who: Caller, found: list[Conversation]) -> Json:
    assigned = [row for row in found if row.assignee_id]
    return {
        "mine_count": sum(row.assignee_id == who.actor.id for row in found),
        "assigned_count": len(assigned),
        "unassigned_count": len(found) - len(assigned),
        "all_count": len(found),
    }


def _sorted(found: list[Conversation], wanted: str) -> list[Conversation]:
    """By `sort_by` such as "created_at_asc"; by latest activity when it is none of Chatwoot's."""
    column, _, direction = wanted.rpartition("_")
    if column not in _SORTED_BY or direction not in ("asc", "desc"):
        column, direction = "last_activity_at", "desc"
    return sorted(
        found, key=lambda row: (getattr(row, column) or 0, row.id), reverse=direction == "desc"
    )


def _page(found: list[Conversation]) -> list[Json]:
    start = (max(as_id(query().get("page")) or 1, 1) - 1) * _PAGE
    return [server().shapes.conversation(row) for row in found[start : start + _PAGE]]


@account_route(routes, "/conversations/filter", "POST")
def filter_conversations(who: Caller) -> Response:
    conditions = params().get("payload")
    found = filters.chosen(conditions, _FILTERS, who.account.locale, _seen_by(who))
    return reply({"meta": _counts(who, found), "payload": _page(_sorted(found, ""))})


@account_route(routes, "/conversations/search", "GET")
def search_conversations(who: Caller) -> Response:
    """Those with a message in which `q` is found."""
    wanted = str(query().get("q", "")).lower()
    thread = server().state.thread
    found = [
        row
        for row in _seen_by(who)
        if any(wanted in (message.content or "").lower() for message in thread(row))
    ]
    return reply({"meta": _counts(who, found), "payload": _page(_sorted(found, ""))})


@conversation_route(routes, "", "GET")
def show_conversation(who: Caller, conversation: Conversation) -> Response:
    return _shown(conversation)


def _shown(conversation: Conversation) -> Response:
    return reply(server().shapes.conversation(conversation))


@conversation_route(routes, "", "PATCH", "PUT")
def update_conversation(who: Caller, conversation: Conversation) -> Response:
    """The priority is all that can be changed here."""
    if "priority" in params():
        _set_priority(who, conversation)
    return _shown(conversation)


@conversation_route(routes, "/toggle_priority", "POST")
def toggle_priority(who: Caller, conversation: Conversation) -> Response:
    """Set the priority; without one, none."""
    _set_priority(who, conversation)
    return empty()


def _set_priority(who: Caller, conversation: Conversation) -> None:
    was, priority = conversation.priority, params().get("priority")
    if priority not in _PRIORITIES:
        raise crash()
    if actions.change(server(), conversation, priority=priority):
        key = "set" if was is None else "removed" if priority is None else "changed"
        values = {"name": who.actor.name, "was": was, "priority": priority}
        note(server(), conversation, f"priority {key}", **values)


@conversation_route(routes, "", "DELETE", bots=False)
def delete_conversation(who: Caller, conversation: Conversation) -> Response:
    """Administrators only; a job does it a moment later."""
    who.need_admin()
    job = partial(actions.remove, server(), conversation)
    server().later(server().state.options.deletion_s, job)
    return empty()


@conversation_route(routes, "/toggle_status", "POST")
def toggle_status(who: Caller, conversation: Conversation) -> Response:
    """Set a status; without one, open becomes resolved and everything else open."""
    given, was = params(), conversation.status
    wanted = given.get("status")
    if is_blank(wanted):
        wanted = "resolved" if was == "open" else "open"
    status, until = _status(wanted), _time(given.get("snoozed_until"))
    actions.set_status(server(), conversation, status, by=who.actor, snoozed_until=until)
    # A bot that hands a conversation over gets no success.
    handed_over = isinstance(who.actor, AgentBot) and (was, status) == ("pending", "open")
    payload = {
        "success": None if handed_over else True,
        "conversation_id": conversation.display_id,
        "current_status": conversation.status,
        "snoozed_until": conversation.snoozed_until and iso(conversation.snoozed_until),
    }
    return reply({"payload": payload})


@conversation_route(routes, "/mute", "POST")
def mute(who: Caller, conversation: Conversation) -> Response:
    """Block the contact and resolve."""
    _block(conversation, True)
    actions.set_status(server(), conversation, "resolved", by=who.actor)
    note(server(), conversation, "muted", name=who.actor.name)
    return empty()


@conversation_route(routes, "/unmute", "POST")
def unmute(who: Caller, conversation: Conversation) -> Response:
    """Unblock the contact; the conversation stays resolved."""
    _block(conversation, False)
    note(server(), conversation, "unmuted", name=who.actor.name)
    return empty()


def _block(conversation: Conversation, blocked: bool) -> None:
    contact = server().state.contact_of(conversation)
    contact_actions.update(server(), contact, {"blocked": blocked})


@conversation_route(routes, "/unread", "POST", bots=False)
def mark_unread(who: Caller, conversation: Conversation) -> Response:
    """The last of the customer's messages counts as not seen."""
    actions.mark_unread(server(), conversation)
    return _shown(conversation)


@conversation_route(routes, "/update_last_seen", "POST", bots=False)
def update_last_seen(who: Caller, conversation: Conversation) -> Response:
    """The token's user has read it; no webhook."""
    actions.mark_seen(server(), conversation)
    return _shown(conversation)


@conversation_route(routes, "/toggle_typing_status", "POST")
def toggle_typing(who: Caller, conversation: Conversation) -> Response:
    """The token's user types, or stopped; never the contact."""
    status = params().get("typing_status")
    if status in ("on", "off"):
        private = as_bool(params().get("is_private"))
        server().events.typing(conversation, who.actor, on=status == "on", private=private)
    return empty()


@conversation_route(routes, "/custom_attributes", "POST")
def set_custom_attributes(who: Caller, conversation: Conversation) -> Response:
    """Replaces the whole map."""
    given = params().get("custom_attributes")
    if not isinstance(given, dict):
        raise crash()
    given = actions.check_attributes("custom_attributes", given)
    actions.change(server(), conversation, custom_attributes=given)
    return reply({"custom_attributes": conversation.custom_attributes})


@conversation_route(routes, "/labels", "GET")
def list_labels(who: Caller, conversation: Conversation) -> Response:
    return reply({"payload": conversation.labels})


@conversation_route(routes, "/labels", "POST")
def set_labels(who: Caller, conversation: Conversation) -> Response:
    """Replaces the list."""
    labels = [str(label) for label in params().get("labels") or []]
    if any(len(label) > 255 for label in labels):
        raise invalid(("tag", "Tag must exist"), ("tag_id", "Tag can't be blank"))
    was = conversation.labels
    actions.change(server(), conversation, labels=labels)
    for key, found in (
        ("labels added", [row for row in labels if row not in was]),
        ("labels removed", [row for row in was if row not in labels]),
    ):
        if found:
            values = {"name": who.actor.name, "labels": ", ".join(found)}
            note(server(), conversation, key, **values)
    return reply({"payload": conversation.labels})


@conversation_route(routes, "/assignments", "POST")
def assign(who: Caller, conversation: Conversation) -> Response:
    """Give the conversation to an agent, or to nobody; there are no teams to give it to."""
    if "assignee_id" not in params():
        return reply(None)
    user = server().state.users.get(as_id(params()["assignee_id"]))
    known = user if user and str(who.account.id) in user.roles else None
    actions.assign(server(), conversation, known, by=who.actor)
    return reply(agent(known, who.account.id) if known else None)
