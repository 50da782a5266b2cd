"""Inbox routes (docs/contracts/chatwoot.md, Inboxes)."""

import re
from functools import partial
from zoneinfo import available_timezones

from flask import Blueprint, Response, request

from sandbox.chatwoot.access import Caller, account_route, as_bool, as_id, params, server
from sandbox.chatwoot.account import agent
from sandbox.chatwoot.answers import Refusal, crash, empty, invalid, reply
from sandbox.chatwoot.records import Inbox, Json
from sandbox.chatwoot.sentences import sentence
from sandbox.chatwoot.state import base58_token
from sandbox.chatwoot.versions import Trait

routes = Blueprint("inboxes", __name__)

# The client-set columns with their defaults; the order is the order of the JSON.
_FLAGS = {
    "greeting_enabled": False,
    "working_hours_enabled": False,
    "enable_email_collect": True,
    "csat_survey_enabled": False,
    "enable_auto_assignment": True,
    "allow_messages_after_resolved": True,
    "lock_to_single_conversation": False,
}
_VALUES: Json = {
    "greeting_message": None,
    "csat_config": {},
    "auto_assignment_config": {},
    "out_of_office_message": None,
    "timezone": "UTC",
    "sender_name_type": "friendly",
    "business_name": None,
    "portal_id": None,
}
# The settings before and after the working hours, as an inbox is shown.
_SHOWN_FIRST = (
    *("greeting_enabled", "greeting_message", "working_hours_enabled", "enable_email_collect"),
    *("csat_survey_enabled", "csat_config", "enable_auto_assignment", "auto_assignment_config"),
    "out_of_office_message",
)
_SHOWN_THEN = (
    *("allow_messages_after_resolved", "lock_to_single_conversation"),
    *("sender_name_type", "business_name"),
)
_OF_OTHER_CHANNELS = (
    *("welcome_title", "welcome_tagline", "web_widget_script", "website_token"),
    *("selected_feature_flags", "reply_time", "messaging_service_sid", "phone_number"),
)
_OBJECTS = ("channel", "csat_config", "auto_assignment_config", "working_hours")
_SENDER_NAMES = (None, "friendly", "professional")
# A website inbox is of no use to a bridge but as the wrong kind of inbox.
_CHANNELS = {"api": "Channel::Api", "web_widget": "Channel::WebWidget"}
_WORKING_HOURS = [
    {
        "day_of_week": day,
        "closed_all_day": day in (0, 6),
        "open_hour": None if day in (0, 6) else 9,
        "open_minutes": None if day in (0, 6) else 0,
        "close_hour": None if day in (0, 6) else 17,
        "close_minutes": None if day in (0, 6) else 0,
        "open_all_day": False,
    }
    for day in range(7)
]
_TIMEZONES = available_timezones() | {"UTC"}
_OLD_NAME = re.compile(r"^\b[^/\\<>@]*\b$", re.MULTILINE)
_OLD_NAME_RULE = (
    "should not start or end with symbols, and it should not have < > / \\ @ characters."
)


@account_route(routes, "/inboxes", "GET")
def list_inboxes(who: Caller) -> Response:
    """All inboxes the caller may see, by name, on one page."""
    state = server().state
    inboxes = [i for i in state.inboxes.values() if i.account_id == who.account.id]
    seen = sorted(filter(who.may_see, inboxes), key=lambda inbox: inbox.name.lower())
    return reply({"payload": [shown(inbox, who) for inbox in seen]})


@account_route(routes, "/inboxes", "POST")
def create_inbox(who: Caller) -> Response:
    """A new inbox. The limit comes before the role; channel and inbox are one transaction."""
    state = server().state
    count = sum(inbox.account_id == who.account.id for inbox in state.inboxes.values())
    if count >= who.account.inbox_limit or server().faults.use("inbox_limit", method="POST"):
        raise Refusal(402, {"error": "Account limit exceeded. Upgrade to a higher plan"})
    who.need_admin()
    given = _wanted(params())
    channel = given.get("channel")
    if not isinstance(channel, dict):
        raise crash()
    now = server().state.options.now()
    inbox = Inbox(
        id=state.next_id(Inbox),
        account_id=who.account.id,
        channel_id=state.next_id(Inbox),
        name="",
        settings=_FLAGS | _VALUES,
        webhook_url=None,
        hmac_mandatory=False,
        hmac_token=base58_token(),
        secret=base58_token(),
        inbox_identifier=base58_token(),
        additional_attributes={},
        created_at=now,
        updated_at=now,
        working_hours=[dict(hours) for hours in _WORKING_HOURS],
    )
    if channel.get("type") not in _CHANNELS:
        raise invalid(("channel", "Channel must exist"))
    inbox.channel_type = _CHANNELS[channel["type"]]
    _apply(inbox, {"name": None, **given})
    state.add(inbox)
    return reply(shown(inbox, who))


@account_route(routes, "/inboxes/<int:inbox_id>", "GET")
def show_inbox(who: Caller, inbox_id: int) -> Response:
    return reply(shown(who.inbox(inbox_id), who))


@account_route(routes, "/inboxes/<int:inbox_id>", "PATCH", "PUT")
def update_inbox(who: Caller, inbox_id: int) -> Response:
    """Change what is given, leave the rest."""
    inbox = who.inbox(inbox_id)
    who.need_admin()
    _apply(inbox, _wanted(params()))
    inbox.updated_at = server().state.options.now()
    server().state.save(inbox)
    return reply(shown(inbox, who))


@account_route(routes, "/inboxes/<int:inbox_id>/reset_secret", "POST")
def reset_secret(who: Caller, inbox_id: int) -> Response:
    """A new webhook secret; the old one is void at once (since 4.13.0)."""
    inbox = who.inbox(inbox_id)
    who.need_admin()
    if inbox.channel_type != "Channel::Api":
        raise Refusal(404, None)
    inbox.secret = base58_token()
    server().state.save(inbox)
    return reply(shown(inbox, who))


@account_route(routes, "/inboxes/<int:inbox_id>", "DELETE")
def delete_inbox(who: Caller, inbox_id: int) -> Response:
    """Promise a deletion; a background job does it a moment later."""
    inbox = who.inbox(inbox_id)
    who.need_admin()
    state = server().state

    server().later(state.options.deletion_s, partial(state.remove_inbox, inbox))
    return reply({"message": sentence(who.account.locale, "inbox deletion")})


@account_route(routes, "/inbox_members/<int:inbox_id>", "GET")
def list_members(who: Caller, inbox_id: int) -> Response:
    return _members(who.inbox(inbox_id))


@account_route(routes, "/inbox_members", "POST", "PATCH", "DELETE")
def change_members(who: Caller) -> Response:
    given = params()
    inbox = who.inbox(given.get("inbox_id"))
    who.need_admin()
    users = server().state.users
    wanted = [as_id(number) for number in given.get("user_ids") or []]
    account = str(who.account.id)
    if not all(number in users and account in users[number].roles for number in wanted):
        raise invalid(("user", "User must exist"))
    match request.method:
        case "POST":
            inbox.members = list(dict.fromkeys([*inbox.members, *wanted]))
        case "PATCH":
            inbox.members = wanted
        case "DELETE":
            inbox.members = [item for item in inbox.members if item not in wanted]
    server().state.save(inbox)
    return empty() if request.method == "DELETE" else _members(inbox)


def _members(inbox: Inbox) -> Response:
    users = server().state.users
    return reply({"payload": [agent(users[number], inbox.account_id) for number in inbox.members]})


def _wanted(given: Json) -> Json:
    """What Chatwoot takes of a request: the text "null" is null, a plain column is no object."""
    return {
        name: None if value == "null" else value
        for name, value in given.items()
        if name in _OBJECTS or not isinstance(value, dict | list)
    }


def _apply(inbox: Inbox, given: Json) -> None:
    """Check the given values, then set them; on any problem nothing is set."""
    if given.get("sender_name_type") not in _SENDER_NAMES:
        raise crash()
    channel = given.get("channel")
    channel = channel if isinstance(channel, dict) else {}
    if problems := _channel_problems(channel):
        raise invalid(*problems)
    if problems := _inbox_problems(given):
        raise invalid(*problems)
    if "name" in given:
        inbox.name = str(given["name"])
    for name in _FLAGS:
        if name in given:
            inbox.settings[name] = as_bool(given[name])
    for name in _VALUES:
        if name in given:
            inbox.settings[name] = given[name]
    for hours in given.get("working_hours") or []:
        day = inbox.working_hours[as_id(hours["day_of_week"])]
        day |= {name: hours[name] for name in day if name in hours}
    if inbox.channel_type != "Channel::Api":
        return
    if "webhook_url" in channel:
        url = channel["webhook_url"]
        inbox.webhook_url = None if url is None else str(url)
    if "hmac_mandatory" in channel:
        inbox.hmac_mandatory = as_bool(channel["hmac_mandatory"])
    if isinstance(channel.get("additional_attributes"), dict):
        inbox.additional_attributes = channel["additional_attributes"]


def _channel_problems(channel: Json) -> list[tuple[str, str]]:
    problems = []
    longest = 2048 if server().state.options.has(Trait.LONG_WEBHOOK_URL) else 255
    if len(str(channel.get("webhook_url") or "")) > longest:
        rule = f"is too long (maximum is {longest} characters)"
        problems.append(("webhook_url", f"Webhook url {rule}"))
    extra = channel.get("additional_attributes")
    window = extra.get("agent_reply_time_window") if isinstance(extra, dict) else None
    if window is not None and not (isinstance(window, int | float) and window > 0):
        rule = "agent_reply_time_window must be greater than 0"
        problems.append(("agent_reply_time_window", f"Agent reply time window {rule}"))
    return problems


def _inbox_problems(given: Json) -> list[tuple[str, str]]:
    problems = []
    if "name" in given:
        name = given["name"]
        text = "" if name is None else str(name)
        if not text.strip():
            problems.append(("name", "Name can't be blank"))
        if len(text) > 255:
            problems.append(("name", "Name is too long (maximum is 255 characters)"))
        if not server().state.options.has(Trait.FREE_NAMES) and not _OLD_NAME.search(text):
            problems.append(("name", f"Name {_OLD_NAME_RULE}"))
    if "timezone" in given and given["timezone"] not in _TIMEZONES:
        problems.append(("timezone", "Timezone is not included in the list"))
    for field in ("greeting_message", "out_of_office_message"):
        if len(str(given.get(field) or "")) > 10_000:
            title = field.replace("_", " ").capitalize()
            problems.append((field, f"{title} is too long (maximum is 10000 characters)"))
    return problems


def shown(inbox: Inbox, who: Caller) -> Json:
    """The inbox JSON in Chatwoot's order; secrets for administrators only, `secret` by version."""
    settings = inbox.settings
    body: Json = {"id": inbox.id, "avatar_url": "", "channel_id": inbox.channel_id}
    body |= {"name": inbox.name, "channel_type": inbox.channel_type}
    body |= {name: settings[name] for name in _SHOWN_FIRST}
    body |= {
        "working_hours": inbox.working_hours,
        "timezone": settings["timezone"],
        "callback_webhook_url": None,
    }
    body |= {name: settings[name] for name in _SHOWN_THEN}
    body |= {"allowed_domains": None, "widget_color": None, "website_url": None}
    body["hmac_mandatory"] = inbox.hmac_mandatory
    body |= dict.fromkeys(_OF_OTHER_CHANNELS)
    is_api = inbox.channel_type == "Channel::Api"
    if who.is_admin:
        body["hmac_token"] = inbox.hmac_token
        if is_api:
            body["secret"] = inbox.secret
    if is_api:
        body["webhook_url"] = inbox.webhook_url
        body["inbox_identifier"] = inbox.inbox_identifier
        body["additional_attributes"] = inbox.additional_attributes
    body["provider"] = None
    return body
