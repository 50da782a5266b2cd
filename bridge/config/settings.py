"""The settings of an installation, one row each: the fields of `Settings` are the table.

They are read once, strictly, from the environment or from `config.toml` in the instance folder. A
new setting is a row here and its use; `chatwoot-bridge settings`, docs/reference.md and the checks
are derived from the rows.
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from bridge.config import readers
from bridge.config.readers import NOBODY
from bridge.domain.errors import StartupError
from bridge.domain.urls import is_loopback

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting:
    """A row: `attribute` of `Settings` is read from the variable `name`."""

    attribute: str
    default: str
    read: Callable[[str], Any]
    meaning: str
    secret: bool

    @property
    def name(self) -> str:
        """`public_url` is BRIDGE_PUBLIC_URL."""
        return f"BRIDGE_{self.attribute.upper()}"


def _setting(default: str, read: Callable[[str], T], meaning: str, *, secret: bool = False) -> T:
    row: T = field(metadata={"row": (default, read, meaning, secret)})
    return row


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as `chatwoot-bridge settings` lists it; a secret's value is masked already."""

    name: str
    value: str
    source: str
    meaning: str


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Settings:
    """The checked settings; `shown` lists them for a person, `warnings` what looks mistyped."""

    instance_dir: Path = _setting("instance", readers.folder, "Folder of all run-time state.")
    host: str = _setting("127.0.0.1", readers.text, "Address that the service listens on.")
    port: int = _setting(
        "8080", readers.whole(1, 65535, "a port number"), "Port that the service listens on."
    )
    public_url: str = _setting(
        "",
        readers.public_url,
        "Address under which Chatwoot and the gateway reach this service; empty if they cannot.",
    )
    gateway_url: str = _setting(
        "",
        readers.gateway_url,
        "Address under which the gateway reaches this service if that is another one; empty: "
        "BRIDGE_PUBLIC_URL, without it one that a gateway in the same network can call; none: it "
        "calls no address.",
    )
    hosts: tuple[str, ...] = _setting(
        "",
        readers.names,
        "Further names by which people open the pages, separated by commas. Where "
        "BRIDGE_PUBLIC_URL is set, others are refused, but for addresses in numbers and names "
        "without a dot.",
    )
    proxies: int = _setting(
        "0",
        readers.whole(0, 1000, "a whole number"),
        "How many reverse proxies stand in front and set X-Forwarded-For and -Proto.",
    )
    account_token: str = _setting(
        "",
        readers.own_token,
        "Token of the operator for the wizard and the API; made at the first start if empty.",
        secret=True,
    )
    encryption_key: str = _setting(
        "",
        readers.text,
        "Base64 of 32 bytes that seals the stored tokens; made at the first start if empty. While "
        "keys rotate: the new one, a comma, the old one.",
        secret=True,
    )
    chatwoot_enabled: bool = _setting("true", readers.truth, "Switches the Chatwoot module on.")
    chatwoot_socket: bool = _setting(
        "true",
        readers.truth,
        "Listens on Chatwoot's socket beside its webhooks, one connection for each token.",
    )
    sandbox: bool = _setting(
        "auto",
        readers.truth_or_auto,
        "Starts the built-in pretend Chatwoot on loopback; auto: when the service itself listens "
        "on loopback and has no public address.",
    )
    sandbox_port: int = _setting(
        "8090", readers.whole(1, 65535, "a port number"), "Port of the sandbox Chatwoot."
    )
    sandbox_phone_port: int = _setting(
        "8091", readers.whole(1, 65535, "a port number"), "Port of the sandbox phone."
    )
    language: str = _setting(
        "en",
        readers.one_of("en", "pt_BR", "es"),
        "Language of the few notes that the bridge writes into conversations: en, pt_BR or es.",
    )
    mark_read: bool = _setting(
        "true",
        readers.truth,
        "Shows the customer that the messages were read when an agent answers.",
    )
    show_typing: bool = _setting(
        "false", readers.truth, "Shows the customer that an agent is writing."
    )
    echo_wait: float = _setting(
        "60",
        readers.seconds,
        "Seconds after which a send without an answer and without an echo counts as not made.",
    )
    chatwoot_runs_on: float = _setting(
        "45",
        readers.pause,
        "Seconds for which Chatwoot may still act upon a request that got no answer; only after "
        "them does a look that finds nothing prove that nothing was stored.",
    )
    retry_most: float = _setting(
        "300", readers.pause, "Longest pause between two attempts, in seconds."
    )
    poison_after: float = _setting(
        "3600",
        readers.pause,
        "Seconds after which a message that alone makes Chatwoot fail, the same way each time, is "
        "given up.",
    )
    look_interval: float = _setting(
        "60",
        readers.seconds,
        "Seconds between two looks for messages that Chatwoot reported to nobody; longer where "
        "looks take more than 1 % of its time.",
    )
    keep_days: int = _setting(
        "30",
        readers.whole(4, 3650, "a number of days"),
        "Days for which delivered messages are stored, for the console and the statistics.",
    )
    chatwoot_rate: str = _setting(
        "2700/minute",
        readers.rate,
        "Calls to one Chatwoot address at most; Chatwoot itself allows 3000/minute, 300 before "
        "3.1.0. One on this machine is not limited.",
    )
    block_private_addresses: bool = _setting(
        "false",
        readers.truth,
        "Refuses to call Chatwoot or a gateway on a private or loopback address.",
    )
    ca_file: str = _setting(
        "",
        readers.file,
        "PEM file with the certificate authorities to trust, for a Chatwoot with a private one.",
    )
    rate_limit: str = _setting("100/minute", readers.rate, "API calls that one token may make.")
    rate_limit_new: str = _setting(
        "20/minute", readers.rate, "New instances that one token may make."
    )
    rate_limit_storage: str = _setting(
        "memory",
        readers.rate_storage,
        "Where the calls are counted: memory, or a Redis address for more than one machine.",
        secret=True,
    )
    metrics_token: str = _setting(
        "",
        readers.own_token,
        "Bearer token for /metrics; without one only this machine itself may read it.",
        secret=True,
    )
    show_contents: bool = _setting(
        "true",
        readers.truth,
        "Shows the operator what messages say, in the console and on the command line.",
    )
    log_format: str = _setting(
        "text", readers.one_of("text", "json"), "How a line of the log looks: text or json."
    )
    log_level: str = _setting(
        "info",
        readers.one_of("debug", "info", "warning", "error"),
        "How much is logged: debug, info, warning, error.",
    )
    shown: tuple[Shown, ...]
    warnings: tuple[str, ...]

    @property
    def database(self) -> Path:
        return self.instance_dir / "bridge.db"

    @property
    def address_for_gateway(self) -> str:
        """Base URL that was set for the gateway to call, empty without one."""
        return "" if self.gateway_url == NOBODY else self.gateway_url or self.public_url

    @property
    def seeks_gateway(self) -> bool:
        """Whether a gateway in the same network may be told an address that nobody has set."""
        return self.gateway_url != NOBODY

    @property
    def spool(self) -> Path:
        """Folder for the files of queued messages."""
        return self.instance_dir / "spool"

    def beat_file(self, process: str) -> Path:
        """The file that a process of the service renews while it works."""
        return self.instance_dir / "locks" / f"{process}.beat"

    @property
    def encryption_key_file(self) -> Path:
        """Where the sealing key lives when it does not come from the environment."""
        return self.instance_dir / "encryption.key"

    @property
    def account_token_file(self) -> Path:
        """Where the operator's token lives when it does not come from the environment."""
        return self.instance_dir / "account-token"

    @property
    def sandbox_url(self) -> str:
        """Base URL of the sandbox Chatwoot, which listens on loopback only."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def sandbox_phone_url(self) -> str:
        """Base URL of the sandbox phone, which listens on loopback only."""
        return f"http://127.0.0.1:{self.sandbox_phone_port}"

    def __repr__(self) -> str:
        return f"Settings(instance_dir={str(self.instance_dir)!r})"


SETTINGS = tuple(
    Setting(item.name, *item.metadata["row"]) for item in fields(Settings) if "row" in item.metadata
)
#: Read before the others, because it says where `config.toml` is.
INSTANCE_DIR = SETTINGS[0]


def service_manager(environ: Mapping[str, str] | None = None, /) -> tuple[str, float]:
    """The socket on which systemd expects the status of the service, and within how many seconds
    each time (sd_notify(3)); empty and 0 without systemd."""
    given = environ or os.environ
    try:
        watchdog_s = int(given.get("WATCHDOG_USEC", "0")) / 1_000_000
    except ValueError:
        watchdog_s = 0.0
    return given.get("NOTIFY_SOCKET", ""), watchdog_s


def inherited_socket(environ: Mapping[str, str] | None = None, /) -> int | None:
    """The descriptor of the listening socket that systemd passes (sd_listen_fds(3)), None without
    one."""
    given = environ or os.environ
    ours = given.get("LISTEN_PID") == str(os.getpid()) and given.get("LISTEN_FDS") == "1"
    return 3 if ours else None


def load(environ: Mapping[str, str] | None = None, /, **overrides: object) -> Settings:
    """Reads the settings: overrides (the command line) win over the environment over `config.toml`.

    An empty value counts as unset; a secret may also be named by a file, as in
    BRIDGE_ACCOUNT_TOKEN_FILE. Raises StartupError with one clear line for a value that is wrong.
    """
    given = {name: value for name, value in (environ or os.environ).items() if value.strip()}
    flags = {f"BRIDGE_{key.upper()}": str(value) for key, value in overrides.items() if value}
    folder, _ = _found(INSTANCE_DIR, flags, given, {})
    in_file = _config_file(Path(folder) / "config.toml")

    values: dict[str, Any] = {}
    shown = []
    for row in SETTINGS:
        raw, source = _found(row, flags, given, in_file)
        try:
            values[row.attribute] = row.read(raw.strip())
        except ValueError as error:
            value = "" if row.secret else f" (it is {raw[:80]!r})"
            raise StartupError(reason=f"{row.name} {error}{value}") from None
        shown.append(Shown(row.name, _masked(row, raw), source, row.meaning))
    if values["sandbox"] is None:
        values["sandbox"] = is_loopback(values["host"]) and not values["public_url"]
    known = {row.name for row in SETTINGS} | {f"{row.name}_FILE" for row in SETTINGS if row.secret}
    warnings = tuple(
        f"{name} is not a setting of this program; `chatwoot-bridge settings` lists them all"
        for name in sorted(given)
        if name.startswith("BRIDGE_") and name not in known
    )
    return Settings(shown=tuple(shown), warnings=warnings, **values)


def _masked(row: Setting, raw: str) -> str:
    if not raw:
        return "(unset)"
    return "***" if row.secret and raw != row.default else raw


def _found(
    row: Setting, flags: Mapping[str, str], given: Mapping[str, str], in_file: Mapping[str, str]
) -> tuple[str, str]:
    """The text of a setting, and where it comes from."""
    for place, source in ((flags, "command line"), (given, "environment")):
        if row.name in place:
            return place[row.name], source
    named = given.get(f"{row.name}_FILE") if row.secret else None
    if named and (text := _secret(row, named)):
        return text, f"file named by {row.name}_FILE"
    return (in_file[row.name], "config.toml") if row.name in in_file else (row.default, "default")


def _secret(row: Setting, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text file"
        raise StartupError(reason=f"{row.name}_FILE: cannot read {path}: {reason}") from None


def _config_file(path: Path) -> dict[str, str]:
    """`config.toml` holds the same names, with or without the BRIDGE_ in front, in any case."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StartupError(reason=f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartupError(reason=f"{path} is not valid TOML: {error}") from None
    known = {row.name for row in SETTINGS[1:]}
    texts: dict[str, str] = {}
    for key, value in content.items():
        name = "BRIDGE_" + key.upper().removeprefix("BRIDGE_")
        if name not in known:
            raise StartupError(reason=f"{path}: {key} is not a setting of this program")
        if isinstance(value, bool):
            value = str(value).lower()
        if not isinstance(value, str | int):
            raise StartupError(reason=f"{path}: {key} must be a text, a number or true/false")
        if str(value).strip():
            texts[name] = str(value)
    return texts
