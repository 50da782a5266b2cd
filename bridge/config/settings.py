"""Settings: environment variables, or `config.toml` in the instance folder; read once, strictly."""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.config.table import INSTANCE_DIR, NOBODY, OPTIONS, Option
from bridge.domain.errors import StartupError


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as `chatwoot-bridge settings` lists it; a secret's value is masked already."""

    name: str
    value: str
    source: str
    meaning: str


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """The checked settings; `shown` lists them for a person, `warnings` what looks mistyped."""

    instance_dir: Path
    host: str
    port: int
    public_url: str
    gateway_url: str
    hosts: tuple[str, ...]
    proxies: int
    account_token: str
    encryption_key: str
    chatwoot_enabled: bool
    chatwoot_socket: bool
    sandbox: bool
    sandbox_port: int
    sandbox_phone_port: int
    language: str
    mark_read: bool
    show_typing: bool
    echo_wait: float
    chatwoot_runs_on: float
    retry_most: float
    poison_after: float
    look_interval: float
    keep_days: int
    chatwoot_rate: str
    block_private_addresses: bool
    ca_file: str
    rate_limit: str
    rate_limit_new: str
    rate_limit_storage: str
    metrics_token: str
    show_contents: bool
    log_format: str
    log_level: str
    shown: tuple[Shown, ...]
    warnings: tuple[str, ...]

    @property
    def database(self) -> Path:
        """The one SQLite file."""
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
        """Folder for files on their way from one side to the other."""
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


def service_manager(environ: Mapping[str, str] | None = None, /) -> tuple[str, float]:
    """Where systemd wants to be told how the service is, and within how many seconds again and
    again (sd_notify(3)); empty and 0 where nobody does."""
    given = environ or os.environ
    try:
        watchdog_s = int(given.get("WATCHDOG_USEC", "0")) / 1_000_000
    except ValueError:
        watchdog_s = 0.0
    return given.get("NOTIFY_SOCKET", ""), watchdog_s


def inherited_socket(environ: Mapping[str, str] | None = None, /) -> int | None:
    """The descriptor of the listening socket that systemd keeps for us (sd_listen_fds(3)); None
    where we are to open one ourselves."""
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
    folder = flags.get(INSTANCE_DIR.name) or given.get(INSTANCE_DIR.name) or INSTANCE_DIR.default
    folder_source = _source(INSTANCE_DIR.name, flags, given, {})
    in_file = _config_file(Path(folder) / "config.toml")

    values: dict[str, Any] = {}
    shown = [Shown(INSTANCE_DIR.name, folder, folder_source, INSTANCE_DIR.meaning)]
    for option in OPTIONS:
        raw = flags.get(option.name) or _from_environment(option, given) or in_file.get(option.name)
        raw = option.default if raw is None else raw
        try:
            values[option.attribute] = option.read(raw.strip())
        except ValueError as error:
            told = "" if option.secret else f" (it is {raw[:80]!r})"
            raise StartupError(reason=f"{option.name} {error}{told}") from None
        source = _source(option.name, flags, given, in_file)
        shown.append(Shown(option.name, _masked(option, raw), source, option.meaning))
    if values["sandbox"] is None:
        values["sandbox"] = _is_loopback(values["host"]) and not values["public_url"]
    known = {option.name for option in (*OPTIONS, INSTANCE_DIR)}
    known |= {f"{option.name}_FILE" for option in OPTIONS if option.secret}
    warnings = tuple(
        f"{name} is not a setting of this program; `chatwoot-bridge settings` lists them all"
        for name in sorted(given)
        if name.startswith("BRIDGE_") and name not in known
    )
    return Settings(
        instance_dir=Path(folder).absolute(), shown=tuple(shown), warnings=warnings, **values
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _masked(option: Option, raw: str) -> str:
    if not raw:
        return "(unset)"
    return "***" if option.secret and raw != option.default else raw


def _source(
    name: str, flags: Mapping[str, str], given: Mapping[str, str], in_file: Mapping[str, str]
) -> str:
    if name in flags:
        return "command line"
    if name in given:
        return "environment"
    if f"{name}_FILE" in given:
        return f"file named by {name}_FILE"
    return "config.toml" if name in in_file else "default"


def _from_environment(option: Option, given: Mapping[str, str]) -> str | None:
    if option.name in given or not option.secret:
        return given.get(option.name)
    named = given.get(f"{option.name}_FILE")
    if named is None:
        return None
    try:
        return Path(named).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text file"
        raise StartupError(reason=f"{option.name}_FILE: cannot read {named}: {reason}") from None


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
    known = {option.name for option in OPTIONS}
    found: dict[str, str] = {}
    for key, value in content.items():
        name = "BRIDGE_" + key.upper().removeprefix("BRIDGE_")
        if name not in known:
            raise StartupError(reason=f"{path}: {key} is not a setting of this program")
        if isinstance(value, bool):
            value = str(value).lower()
        if not isinstance(value, str | int):
            raise StartupError(reason=f"{path}: {key} must be a text, a number or true/false")
        if str(value).strip():
            found[name] = str(value)
    return found
