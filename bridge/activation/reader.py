"""The rules of single fields: each reads one field of a body and notes the rule that it breaks."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from bridge.chatwoot import address
from bridge.domain.errors import N_, InvalidBody, Problem
from bridge.domain.models import DEFAULT_INBOX_NAME, Secret
from bridge.gateways import GATEWAYS

MAX_ACCOUNT_ID = 2**63 - 1
MAX_TOKEN = 512
MAX_INBOX_NAME = 255
MIN_OWN_TOKEN = 8
#: The gateways that an instance may name.
GATEWAY_KINDS = tuple(GATEWAYS)
_INSTANCE_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_VISIBLE = re.compile(r"[\x21-\x7e]+", re.ASCII)


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
        if "\x00" in value or any(unicodedata.category(letter) == "Cs" for letter in value):
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

    def own_token(self, field: str) -> Secret:
        """The token of an instance; empty when one is to be made."""
        token = self.token(field, required=False)
        if token and len(token) < MIN_OWN_TOKEN:
            self.refuse(field, N_("must be at least {limit} characters long"), limit=MIN_OWN_TOKEN)
        return token

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
            parsed = address.parse(value)
        except address.BadAddress as error:
            self.problems[field] = error.problem
            return ""
        url, number = parsed.base_url, parsed.account_id
        if parsed.is_link and number and account_field:
            both = N_("must be the address alone: send {base_url} here and {account_id} as {other}")
            self.refuse(field, both, base_url=url, account_id=number, other=account_field)
        elif parsed.is_link:
            self.refuse(field, N_("must be the address alone: send {base_url}"), base_url=url)
        return url

    def inbox_name(self, field: str) -> str:
        """The inbox name, or the default (docs/contracts/chatwoot.md, Inboxes: at most 255
        characters)."""
        name = self.text(field, limit=MAX_INBOX_NAME)
        if any(unicodedata.category(letter) == "Cc" for letter in name):
            self.refuse(field, N_("must not contain control characters"))
        # Chatwoot reads the text "null" as nothing (docs/contracts/chatwoot.md, Inboxes).
        if name == "null":
            self.refuse(field, N_('must not be "null"'))
        return name or DEFAULT_INBOX_NAME

    def instance_name(self, field: str) -> str:
        name = self.text(field, required=True)
        if name and not _INSTANCE_NAME.fullmatch(name):
            self.refuse(field, N_("must be 1 to 100 letters, digits, hyphens or underscores"))
        return name

    def gateway_kind(self, field: str) -> str:
        kind = self.text(field, required=True, limit=40)
        if kind and kind not in GATEWAY_KINDS:
            self.refuse(field, N_("must be one of: {kinds}"), kinds=", ".join(GATEWAY_KINDS))
        return kind

    def inner(self, field: str) -> "Reader | None":
        """The reader of an object within the body; None when it is absent or no object."""
        value = self._body.get(field)
        if value is not None and not isinstance(value, dict):
            self.refuse(field, N_("must be an object with kind, baseUrl and token"))
        return Reader(value) if isinstance(value, dict) else None

    def done(self) -> None:
        """Raises InvalidBody when there were problems."""
        if self.problems:
            raise InvalidBody(self.problems)
