"""What only some versions of Chatwoot do, have or say: the one table, and what follows from it.

Sources: docs/contracts/chatwoot.md, Versions and the versions that were run. A version that is
newer than all of the table counts as the newest.
"""

import re
from enum import Enum
from typing import Any

from sandbox.chatwoot.records import Json

Version = tuple[int, ...]


class Trait(Enum):
    """A trait with the first version that has it, and what it is."""

    SOURCE_ID_FILTER = (2, 17, 0), "GET conversations heeds source_id"
    LIQUID = (2, 13, 0), "Liquid in outgoing messages is rendered"
    LONG_WEBHOOK_URL = (2, 18, 0), "an inbox's webhook_url may have 2048 letters, not 255"
    MANY_REQUESTS = (3, 1, 0), "3000 requests a minute and address, not 300"
    PLACE_FILTER = (3, 2, 0), "POST contact_inboxes/filter"
    FAILED_MARK = (3, 3, 0), "a message whose webhook was refused is marked failed"
    SOURCE_ID_KEPT = (3, 4, 0), "POST messages keeps source_id"
    RETRY = (3, 4, 0), "POST messages/N/retry"
    QUIET_SAVES = (3, 5, 0), "a save that changed nothing is not told"
    PICTURE_SIZES = (3, 7, 0), "attachments have width and height"
    FLOOD_GUARD = (3, 9, 0), "200 messages a minute and conversation"
    MANY_SEARCHES = (3, 9, 0), "100 contact searches a minute, not 5"
    ACTIVITY_TOLD = (3, 12, 0), "webhooks have the conversation's last_activity_at"
    ROLES = (3, 16, 0), "custom roles, permissions and SLA policies (first seen in 3.16.0)"
    BLOCKED_TOLD = (4, 0, 2), "contacts have blocked"
    CHANGE_TOLD = (4, 0, 2), "conversations have updated_at"
    SLIM_INBOX = (4, 0, 2), "a contact's contact_inboxes show the inbox without its settings"
    CONTACTS_TOLD = (4, 0, 4), "contact events on the websocket"
    STATUS_UPDATE = (4, 2, 0), "PATCH messages/N"
    TYPING_HOOKS = (4, 2, 0), "webhooks for typing"
    SURVEY_STYLE = (4, 2, 0), "a survey has display_type"
    CSAT_CONFIG = (4, 2, 0), "inboxes have csat_config"
    FREE_NAMES = (4, 3, 0), "any sign in an inbox name"
    CONVERSATION_DELETION = (4, 3, 0), "DELETE conversations/N"
    SURVEY_WITHOUT_LINK = (4, 3, 0), "the text of a survey has no link over REST"
    SURVEY_LINK_HOOKED = (4, 4, 0), "the webhook of a survey has the link"
    PLUS_IN_FILTER = (4, 7, 0), "contacts/filter takes a phone number with its plus"
    ASSIGNEE_TYPE = (4, 8, 0), "meta.assignee_type, and bots as assignees"
    LONG_SOURCE_IDS = (4, 8, 0), "a contact_inbox's source_id may have 20000 letters, not 255"
    CONTENT_ATTRIBUTES = (4, 9, 0), "POST messages keeps every key of content_attributes"
    SEARCH_HAS_MORE = (4, 11, 0), "contacts/search says has_more"
    DELIVERY_ID = (4, 11, 2), "X-Chatwoot-Delivery; account webhooks are signed"
    TRANSCRIBED_TEXT = (4, 12, 1), "audio has transcribed_text (first seen in 4.12.1)"
    PROVIDER = (4, 12, 1), "inboxes and agents have provider (first seen in 4.12.1)"
    SECRET = (4, 13, 0), "an inbox has a secret, webhooks are signed, POST reset_secret"
    ATTACHMENT_TYPE = (4, 13, 0), "attachments have content_type, and extension is filled"
    HARD_BREAKS = (4, 13, 0), "webhooks have the editor's hard breaks as newlines"
    ONBOARDING = (4, 13, 0), "the profile's accounts have onboarding_step"
    PRIVATE_GUARD = (4, 14, 0), "webhooks to private addresses are refused"
    INLINE_AUDIO = (4, 14, 0), "the data_url of audio ends in ?disposition=inline"
    REDIRECTS = (4, 14, 0), "webhooks follow redirects"
    RUBY_AGENT = (4, 14, 0), "webhooks come from User-Agent Ruby, not rest-client"
    PRIVATE_SWITCH = (4, 14, 1), "SAFE_FETCH_ALLOW_PRIVATE_NETWORK"
    ACCOUNT_TOLD = (4, 14, 2), "conversations in webhooks name the account"
    NEWLINES_CUT = (4, 14, 2), "webhooks come without trailing newlines"
    API_SWITCH = (4, 15, 0), "the profile's accounts have api_and_webhooks"

    @property
    def since(self) -> Version:
        """The first version that has it."""
        return self.value[0]


#: Routes that came with a version: method, path below the account, trait.
_ROUTES = (
    ("POST", r"/contact_inboxes/filter", Trait.PLACE_FILTER),
    ("POST", r"/conversations/\d+/messages/\d+/retry", Trait.RETRY),
    ("PATCH|PUT", r"/conversations/\d+/messages/\d+", Trait.STATUS_UPDATE),
    ("DELETE", r"/conversations/\d+", Trait.CONVERSATION_DELETION),
    ("POST", r"/inboxes/\d+/reset_secret", Trait.SECRET),
)
#: Fields that came with a version: a field by which such an object is known, the fields, trait.
_FIELDS = (
    ("data_url", "content_type", Trait.ATTACHMENT_TYPE),
    ("data_url", "transcribed_text", Trait.TRANSCRIBED_TEXT),
    ("data_url", "width height", Trait.PICTURE_SIZES),
    ("blocked", "blocked", Trait.BLOCKED_TOLD),
    ("can_reply", "updated_at", Trait.CHANGE_TOLD),
    ("can_reply", "account", Trait.ACCOUNT_TOLD),
    ("assignee_type", "assignee_type", Trait.ASSIGNEE_TYPE),
    ("webhook_url", "secret", Trait.SECRET),
    ("csat_survey_enabled", "csat_config", Trait.CSAT_CONFIG),
    ("csat_survey_enabled", "provider allowed_domains", Trait.PROVIDER),
    ("availability_status", "provider", Trait.PROVIDER),
    ("availability_status", "custom_role_id custom_role permissions", Trait.ROLES),
    ("sla_policy_id", "sla_policy_id", Trait.ROLES),
    ("availability_status", "onboarding_step", Trait.ONBOARDING),
    ("availability_status", "api_and_webhooks", Trait.API_SWITCH),
)
#: The last of the traits above: from there on every answer has every field.
_ALL_FIELDS = max(trait.since for _, _, trait in _FIELDS)
_ACCOUNT = re.compile(r"/api/v1/accounts/\d+")
_NUMBERS = re.compile(r"v?(\d{1,6})(?:\.(\d{1,6}))?(?:\.(\d{1,6}))?")


def parse_version(text: str) -> Version:
    """'4.15.1' as (4, 15, 1), '4.16' as (4, 16, 0). Raises ValueError when there is no number."""
    found = _NUMBERS.match(text)
    if found is None:
        raise ValueError(f"version {text!r} must begin with a number, such as 4.16.2")
    return tuple(int(part or 0) for part in found.groups())


def has(version: str, trait: Trait) -> bool:
    """Whether a version has a trait."""
    return parse_version(version) >= trait.since


def lacks_route(version: str, method: str, path: str) -> bool:
    """Whether this version answers such a request as a path that does not exist."""
    below = _ACCOUNT.sub("", path, count=1)
    return any(
        re.fullmatch(methods, method) and re.fullmatch(route, below) and not has(version, trait)
        for methods, route, trait in _ROUTES
    )


def knows_all_fields(version: str) -> bool:
    """Whether nothing is left out of what this version answers and tells."""
    return parse_version(version) >= _ALL_FIELDS


def fitted(version: str, body: Any) -> Any:
    """An answer, webhook or frame without the fields that this version does not know."""
    return body if knows_all_fields(version) else _without(body, parse_version(version))


def _without(body: Any, number: Version) -> Any:
    if isinstance(body, list):
        return [_without(item, number) for item in body]
    if not isinstance(body, dict):
        return body
    gone = {
        field
        for marker, names, trait in _FIELDS
        for field in names.split()
        if field in body and marker in body and number < trait.since
    }
    fit = {name: _without(value, number) for name, value in body.items() if name not in gone}
    if "data_url" in fit and number < Trait.ATTACHMENT_TYPE.since:
        fit["extension"] = None
    if body.get("assignee_type") == "AgentBot" and number < Trait.ASSIGNEE_TYPE.since:
        fit["assignee"] = None
    is_hooked = "can_reply" in fit and "contact_inbox" in fit
    if is_hooked and number < Trait.ACTIVITY_TOLD.since:
        fit.pop("last_activity_at", None)
    return fit


def read(version: str, path: str, given: Json) -> Json:
    """A request's parameters as this version understands them; `given` is left alone."""
    number = parse_version(version)
    if number < Trait.CONTENT_ATTRIBUTES.since and path.endswith("/messages"):
        return _without_attributes(given)
    if number < Trait.CONTENT_ATTRIBUTES.since and path.endswith("/conversations"):
        message = given.get("message")
        if isinstance(message, dict):
            return given | {"message": _without_attributes(message)}
    if number < Trait.PLUS_IN_FILTER.since and path.endswith("/contacts/filter"):
        payload = given.get("payload")
        if isinstance(payload, list):
            return given | {"payload": [_with_plus(item) for item in payload]}
    return given


def _without_attributes(message: Json) -> Json:
    """Before 4.9.0 only the quote and the items of a message's content_attributes are read."""
    given = message.get("content_attributes")
    if isinstance(given, dict):
        known = {name: given[name] for name in ("in_reply_to", "items") if name in given}
        return message | {"content_attributes": known}
    return message


def _with_plus(condition: Any) -> Any:
    """Before 4.7.0 a plus is put before a phone number that has one: nobody has such a number."""
    if not isinstance(condition, dict) or condition.get("attribute_key") != "phone_number":
        return condition
    values = condition.get("values")
    if not isinstance(values, list):
        return condition
    return condition | {"values": [str(value).replace("+", "+ ") for value in values]}
