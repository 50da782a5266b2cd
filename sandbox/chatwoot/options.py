"""What can be switched about the whole sandbox: its version and the installation's settings."""

import time
from dataclasses import dataclass
from typing import Any

from sandbox.chatwoot.versions import Trait, has, parse_version
from sandbox.kit.settings import Settings

DEFAULT_VERSION = "4.15.1"


@dataclass
class Options(Settings):
    """The installation's settings, see docs/sandbox.md; `clock_offset` is in seconds."""

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

    def _checked(self, name: str, value: Any) -> Any:
        value = super()._checked(name, value)
        if name == "version":
            parse_version(value)
        return value
