"""What the rooms hand to each other: frozen facts, no behaviour beyond reading themselves."""

from dataclasses import dataclass
from enum import StrEnum
from functools import total_ordering

from bridge.domain.errors import BridgeError
from bridge.domain.options import InboxOptions

#: The inbox name when none is asked for (docs/contracts/ryzeapi.md, Chatwoot module).
DEFAULT_INBOX_NAME = "RyzeAPI"


class Secret(str):
    """A token that never shows itself: its repr, which logs and tracebacks print, is masked."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('***')"

    @property
    def ending(self) -> str:
        """The last four characters, shown so that a person can recognise the token."""
        return self[-4:] if len(self) >= 12 else ""


@total_ordering
class ChatwootTime:
    """A moment by the clock of a Chatwoot, in UTC seconds.

    It is compared with its like only: that clock and ours may be hours apart. What ours says has to
    go through `bridge.store.clocks` first (docs/routing.md, Clocks).
    """

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ChatwootTime) and self.seconds == other.seconds

    def __lt__(self, other: "ChatwootTime") -> bool:
        return self.seconds < other.seconds

    def __hash__(self) -> int:
        return hash(self.seconds)

    def __repr__(self) -> str:
        return f"ChatwootTime({self.seconds!r})"

    def plus(self, seconds: float) -> "ChatwootTime":
        return ChatwootTime(self.seconds + seconds)

    def since(self, earlier: "ChatwootTime") -> float:
        """The seconds from `earlier` to this moment."""
        return self.seconds - earlier.seconds


#: Where no time is known.
UNTOLD = ChatwootTime(0.0)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for a change: `account`, `instance:NAME` for its token, `cli`, `bridge`, `unknown`.

    `address` is where the request came from; for the command line the user of the system.
    """

    who: str
    address: str = ""


#: The program itself.
BRIDGE = Actor("bridge")


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """Where the WhatsApp side of an instance lives."""

    kind: str
    base_url: str
    token: Secret


@dataclass(frozen=True, slots=True)
class Instance:
    """One WhatsApp number in a gateway. `created_at` is UTC seconds.

    `connected` is what the gateway said last of its link to WhatsApp, None before that;
    `connection` is its own word for it, for people to read.
    """

    id: int
    name: str
    created_at: float
    gateway: GatewayConfig | None = None
    connected: bool | None = None
    connection: str = ""


@dataclass(frozen=True, slots=True)
class ActivationRequest:
    """A checked request: what `set`, the wizard and the command line all hand to `activate`."""

    base_url: str
    account_id: int
    api_token: Secret
    inbox_name: str = DEFAULT_INBOX_NAME
    options: InboxOptions = InboxOptions()


class Status(StrEnum):
    """The state of an integration (docs/contracts/ryzeapi.md, Chatwoot module)."""

    ACTIVE = "active"
    PAUSED = "paused"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Integration:
    """An instance joined to a Chatwoot inbox. `created_at` is UTC seconds.

    `webhook_key` is the unguessable part of the path that Chatwoot calls; `webhook_secret` is the
    key Chatwoot signs with, empty where the installation does not sign (docs/contracts/chatwoot.md,
    Signatures). `seen_url` is where customers reach Chatwoot as it showed itself. `refused` names
    the capabilities (`bridge.chatwoot.versions.Can`) that it refused although its version has them.
    `began_at` is `created_at` by Chatwoot's clock as it went then. What agents wrote before
    `unproven_until`, and the journal does not know, may have been sent before a backup was
    restored. `status_at` (UTC seconds) is since when it is in this status for this kind of error.
    """

    id: str
    instance_id: int
    base_url: str
    account_id: int
    api_token: Secret
    inbox_id: int
    inbox_name: str
    options: InboxOptions
    status: Status
    last_error: BridgeError | None
    created_at: float
    chatwoot_version: str
    webhook_key: str
    webhook_secret: Secret
    seen_url: str = ""
    refused: frozenset[str] = frozenset()
    began_at: ChatwootTime = UNTOLD
    unproven_until: ChatwootTime = UNTOLD
    status_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Membership:
    """A Chatwoot account as its member sees it (docs/contracts/chatwoot.md, Access,
    `accounts[]`)."""

    id: int
    name: str
    role: str
    status: str

    @property
    def may_administer(self) -> bool:
        """An inbox can be made there with this token."""
        return self.role == "administrator" and self.status != "suspended"


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """Whose token it is and where that person may do what.

    `pubsub_token` lets its holder listen to what the person would be shown
    (docs/contracts/chatwoot.md, Socket).
    """

    name: str
    email: str
    accounts: tuple[Membership, ...]
    id: int = 0
    pubsub_token: Secret = Secret("")

    @property
    def administered(self) -> list[Membership]:
        """The accounts that an inbox can be made in with this token."""
        return [account for account in self.accounts if account.may_administer]

    def account(self, account_id: int) -> Membership | None:
        """The membership in that account, None without one."""
        return next((account for account in self.accounts if account.id == account_id), None)


@dataclass(frozen=True, slots=True)
class ChatwootFound:
    """A Chatwoot answers at `base_url`; `account_id` where the address that was typed named it."""

    base_url: str
    version: str
    account_id: int | None = None
