"""What can be switched about the whole sandbox: its version and the installation's settings."""

import time
from dataclasses import asdict, dataclass, fields
from typing import Any

from sandbox.chatwoot.versions import Trait, has, parse_version

DEFAULT_VERSION = "4.15.1"


@dataclass
class Options:
    """The installation's settings. Kept with the state; changed by page and control API.

    `version`: what GET /api reports, and what every trait of `versions.Trait` follows. It may be
    changed while the sandbox runs, which is an upgrade.
    `allow_private_network`: Chatwoot's SAFE_FETCH_ALLOW_PRIVATE_NETWORK. Chatwoot's own default
    is off; here it is on, so that the loop works on one machine.
    `flood_guard`: 200 messages per conversation and minute.
    `throttle`: the request limits per address and for contacts/search.
    `crm_v2`: hides contacts with neither phone nor e-mail from filter and list.
    `default_locale`: the language of refusals before an account is known.
    `webhook_timeout_s`, `deletion_s`: seconds; how long a webhook may take, how long a
    deletion job waits. `clock_offset`: seconds; how far its clock is ahead of the machine's.

    Source: docs/contracts/chatwoot.md, Private addresses, Limits, Contacts and Answers.
    """

    version: str = DEFAULT_VERSION
    allow_private_network: bool = True
    flood_guard: bool = False
    throttle: bool = False
    crm_v2: bool = False
    default_locale: str = "en"
    webhook_timeout_s: float = 5.0
    deletion_s: float = 0.5
    clock_offset: float = 0.0

    def has(self, trait: Trait) -> bool:
        """Whether the reported version has a trait."""
        return has(self.version, trait)

    def now(self) -> float:
        """What its clock shows, in UTC seconds."""
        return time.time() + self.clock_offset

    @property
    def blocks_private(self) -> bool:
        """Webhooks to private addresses are refused (4.14.0; 4.14.1 brought the opt-out)."""
        if not self.has(Trait.PRIVATE_GUARD):
            return False
        return not (self.allow_private_network and self.has(Trait.PRIVATE_SWITCH))

    def change(self, changes: dict[str, Any]) -> None:
        """Set the named options. Raises ValueError with a sentence when one is unknown or wrong."""
        known = {one.name: one.type for one in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"unknown option {name!r}; known: {', '.join(known)}")
            wanted = type(getattr(self, name))
            if wanted is float and type(value) is int:
                value = float(value)
            if type(value) is not wanted:
                raise ValueError(f"option {name!r} must be of type {wanted.__name__}")
            if name == "version":
                parse_version(value)
            setattr(self, name, value)

    def as_json(self) -> dict[str, Any]:
        """All options by name."""
        return asdict(self)
