"""Checks what comes in, all fields at once, and turns it into facts. Serves every door.

Rules: docs/contracts/ryzeapi.md, Chatwoot module and Instances; where those leave a rule open,
docs/decisions.md.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.chatwoot import address
from bridge.domain.errors import N_, InvalidBody, Problem
from bridge.domain.models import (
    DEFAULT_INBOX_NAME,
    ActivationRequest,
    GatewayConfig,
    Secret,
)
from bridge.domain.options import OPTIONS, InboxOptions, Option
from bridge.gateways import GATEWAYS

MAX_ACCOUNT_ID = 2**63 - 1
MAX_TOKEN = 512
MAX_INBOX_NAME = 255
MIN_OWN_TOKEN = 8
_INSTANCE_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_VISIBLE = re.compile(r"[\x21-\x7e]+", re.ASCII)
#: The gateways that an instance may name.
GATEWAY_KINDS = tuple(GATEWAYS)

#: How the fields are called in `set`; the wizard and the command line use these names too.
SET_FIELDS = {
    "base_url": "chatwootBaseUrl",
    "account_id": "chatwootAccountId",
    "api_token": "chatwootApiToken",
    "inbox_name": "inboxName",
    **{option.name: option.api for option in OPTIONS},
}
#: The same in the inline block of `instance/new`, where the names differ.
INLINE_FIELDS = {
    key: name if name.startswith("chatwoot") else "chatwoot" + name[0].upper() + name[1:]
    for key, name in SET_FIELDS.items()
}
#: How a field of `set` is called in the inline block.
SET_TO_INLINE = {name: INLINE_FIELDS[key] for key, name in SET_FIELDS.items()}


class Reader:
    """Reads one field after the other from a body and gathers the problems."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body
        self.problems: dict[str, Problem] = {}

    def refuse(self, field: str, sentence: str, **values: object) -> None:
        """Notes the first rule that a field breaks."""
        self.problems.setdefault(field, Problem(sentence, **values))

    def text(self, field: str, *, required: bool = False, limit: int = 2048) -> str:
        """A text, trimmed; empty when it is absent or null and not required."""
        value = self._body.get(field)
        if value is None or value == "":
            if required:
                self.refuse(field, N_("is required"))
            return ""
        if not isinstance(value, str):
            self.refuse(field, N_("must be a text"))
            return ""
        if "\x00" in value or any(unicodedata.category(one) == "Cs" for one in value):
            self.refuse(field, N_("must not contain NUL or broken characters"))
            return ""
        if len(value) > limit:
            self.refuse(field, N_("must be at most {limit} characters long"), limit=limit)
            return ""
        if not value.strip() and required:
            self.refuse(field, N_("is required"))
        return value.strip()

    def token(self, field: str, *, required: bool = True) -> Secret:
        """A token as it can stand in a header."""
        value = self.text(field, required=required, limit=MAX_TOKEN)
        if value and not _VISIBLE.fullmatch(value):
            self.refuse(field, N_("must hold only visible ASCII characters, without spaces"))
        return Secret(value)

    def truth(self, field: str) -> bool:
        """A boolean; false when it is absent or null."""
        value = self._body.get(field)
        if value is not None and not isinstance(value, bool):
            self.refuse(field, N_("must be true or false"))
            return False
        return bool(value)

    def account_id(self, field: str) -> int:
        """A positive whole number."""
        value = self._body.get(field)
        if value is None:
            self.refuse(field, N_("is required"))
            return 0
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(field, N_("must be a whole number"))
            return 0
        if not 0 < value <= MAX_ACCOUNT_ID:
            self.refuse(
                field, N_("must be greater than 0 and at most {limit}"), limit=MAX_ACCOUNT_ID
            )
        return value

    def base_url(self, field: str, *, account_field: str = "", required: bool = True) -> str:
        """The base URL of a server; a link from its dashboard is answered with the right value."""
        value = self.text(field, required=required, limit=address.MAX_LENGTH)
        if not value or field in self.problems:
            return ""
        try:
            found = address.parse(value)
        except address.BadAddress as error:
            self.problems[field] = error.problem
            return ""
        if found.is_link and found.account_id and account_field:
            self.refuse(
                field,
                N_("must be the address alone: send {base_url} here and {account_id} as {other}"),
                base_url=found.base_url,
                account_id=found.account_id,
                other=account_field,
            )
        elif found.is_link:
            self.refuse(
                field,
                N_("must be the address alone: send {base_url}"),
                base_url=found.base_url,
            )
        return found.base_url

    def option(self, option: Option, field: str) -> Any:
        """The value of an option of the integration, its default when it is absent or null."""
        if option.is_switch:
            return self.truth(field)
        return self.base_url(field, required=False)

    def done(self) -> None:
        """Raises InvalidBody when there were problems."""
        if self.problems:
            raise InvalidBody(self.problems)


def activation_request(
    body: Mapping[str, Any], fields: Mapping[str, str] = SET_FIELDS
) -> ActivationRequest:
    """The wish to activate. Raises InvalidBody that names every field with its rule."""
    read = Reader(body)
    base_url = read.base_url(fields["base_url"], account_field=fields["account_id"])
    account_id = read.account_id(fields["account_id"])
    api_token = read.token(fields["api_token"])
    inbox_name = inbox_name_of(read, fields["inbox_name"])
    options = {option.name: read.option(option, fields[option.name]) for option in OPTIONS}
    read.done()
    return ActivationRequest(base_url, account_id, api_token, inbox_name, InboxOptions(**options))


def inbox_name_of(read: Reader, field: str) -> str:
    """The inbox name, or the default (docs/contracts/chatwoot.md, Inboxes: at most 255
    characters)."""
    name = read.text(field, limit=MAX_INBOX_NAME)
    if any(unicodedata.category(one) == "Cc" for one in name):
        read.refuse(field, N_("must not contain control characters"))
    # Chatwoot reads the text "null" as nothing (docs/contracts/chatwoot.md, Inboxes).
    if name == "null":
        read.refuse(field, N_('must not be "null"'))
    return name or DEFAULT_INBOX_NAME


@dataclass(frozen=True, slots=True)
class NewInstance:
    """The wish for an instance; `token` empty means that one is to be made."""

    name: str
    token: Secret
    gateway: GatewayConfig | None
    with_chatwoot: bool


def new_instance(body: Mapping[str, Any]) -> NewInstance:
    """The wish for an instance. Raises InvalidBody. The inline Chatwoot block is read later."""
    read = Reader(body)
    name = read.text("name", required=True)
    if name and not _INSTANCE_NAME.fullmatch(name):
        read.refuse("name", N_("must be 1 to 100 letters, digits, hyphens or underscores"))
    token = read.token("token", required=False)
    if token and len(token) < MIN_OWN_TOKEN:
        read.refuse("token", N_("must be at least {limit} characters long"), limit=MIN_OWN_TOKEN)
    gateway = _gateway(read, body.get("gateway"))
    with_chatwoot = read.truth("chatwootEnabled")
    read.done()
    return NewInstance(name, token, gateway, with_chatwoot)


def _gateway(outer: Reader, value: object) -> GatewayConfig | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        outer.refuse("gateway", N_("must be an object with kind, baseUrl and token"))
        return None
    read = Reader(value)
    kind = read.text("kind", required=True, limit=40)
    if kind and kind not in GATEWAY_KINDS:
        read.refuse("kind", N_("must be one of: {kinds}"), kinds=", ".join(GATEWAY_KINDS))
    base_url, token = read.base_url("baseUrl"), read.token("token")
    for field, problem in read.problems.items():
        outer.problems[f"gateway.{field}"] = problem
    return GatewayConfig(kind, base_url, token)
