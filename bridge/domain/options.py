"""The options of an integration, one row each.

The body of `set`, the inline block of `instance/new`, the answer of `list`, OpenAPI, the columns of
the database, the wizard, the command line and docs/reference.md are derived from these rows. A new
option is a row, a column (`bridge/store/migrations.py`) and its use.
"""

import re
from dataclasses import dataclass, field, fields
from typing import TypeVar

from bridge.domain.errors.base import N_

T = TypeVar("T", bool, str)


def _option(default: T, api: str, label: str, meaning: str) -> T:
    return field(default=default, metadata={"api": api, "label": label, "meaning": meaning})


@dataclass(frozen=True, slots=True)
class InboxOptions:
    """What the operator chooses for an inbox: a switch, or the address of a server (a text, empty
    where there is none). The first four are the contract's (docs/contracts/ryzeapi.md, Chatwoot
    module)."""

    sign_messages: bool = _option(
        False,
        "signMessages",
        N_("Sign messages"),
        N_(
            "Each message of an agent begins with the agent's name in bold, so that contacts know "
            "who is writing."
        ),
    )
    ignore_groups: bool = _option(
        False,
        "ignoreGroups",
        N_("Ignore groups"),
        N_(
            "Messages from WhatsApp groups stay out of Chatwoot; only direct chats become "
            "conversations."
        ),
    )
    start_as_pending: bool = _option(
        False,
        "startAsPending",
        N_("Start as pending"),
        N_(
            "New conversations begin as pending instead of open, so that a bot or a first line "
            "sees them before your agents do."
        ),
    )
    reopen_resolved: bool = _option(
        False,
        "reopenResolved",
        N_("Reopen resolved conversations"),
        N_(
            "When a contact writes again, the resolved conversation is opened again. Otherwise a "
            "new one begins."
        ),
    )
    ignore_calls: bool = _option(
        False,
        "ignoreCalls",
        N_("Ignore calls"),
        N_(
            "Calls that nobody answered stay out of Chatwoot. Otherwise each is an incoming "
            "message."
        ),
    )
    keep_deleted: bool = _option(
        False,
        "keepDeleted",
        N_("Keep what customers delete"),
        N_(
            "What a customer deletes on WhatsApp is marked as deleted and stays readable for "
            "agents. Otherwise it is deleted in Chatwoot too."
        ),
    )
    public_url: str = _option(
        "",
        "chatwootPublicUrl",
        N_("Public address of Chatwoot"),
        N_(
            "Where customers reach Chatwoot, if that is not the address that the bridge calls: "
            "the links to surveys lead there. Left empty, it is what Chatwoot shows of itself."
        ),
    )


@dataclass(frozen=True, slots=True)
class Option:
    """A row. `name` is the attribute, the column and the form field, `kind` is `bool` or `str`;
    `api` is the field of `set`; `label` and `meaning` are translated."""

    name: str
    kind: type
    api: str
    label: str
    meaning: str

    @property
    def is_switch(self) -> bool:
        return self.kind is bool

    @property
    def shown(self) -> str:
        """The field of the answer of `list`."""
        return re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), self.api)

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


OPTIONS = tuple(Option(row.name, type(row.default), **row.metadata) for row in fields(InboxOptions))
