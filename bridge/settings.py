"""Settings: environment variables, or `config.toml` in the instance folder; read once, strictly."""

import ipaddress
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bridge.errors import StartupError


@dataclass(frozen=True, slots=True)
class Option:
    """One setting: how it is called, what it means and how its text is read."""

    name: str
    default: str
    meaning: str
    read: Callable[[str], Any]
    secret: bool = False

    @property
    def attribute(self) -> str:
        """The field of `Settings`: BRIDGE_PUBLIC_URL is `public_url`."""
        return self.name.removeprefix("BRIDGE_").lower()


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as `chatwoot-bridge settings` lists it; a secret's value is masked already."""

    name: str
    value: str
    source: str
    meaning: str


def _text(raw: str) -> str:
    return raw


def _truth(raw: str) -> bool:
    match raw.lower():
        case "true" | "1" | "yes" | "on":
            return True
        case "false" | "0" | "no" | "off":
            return False
    raise ValueError("must be true or false")


def _truth_or_auto(raw: str) -> bool | None:
    if raw.lower() == "auto":
        return None
    try:
        return _truth(raw)
    except ValueError:
        raise ValueError("must be true, false or auto") from None


def _port(raw: str) -> int:
    if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw[:6]) <= 65535:
        raise ValueError("must be a port number from 1 to 65535")
    return int(raw)


def _count(raw: str) -> int:
    if not raw.isascii() or not raw.isdigit() or int(raw[:6]) > 1000:
        raise ValueError("must be a whole number from 0 to 1000")
    return int(raw)


def _seconds(raw: str) -> float:
    if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw[:6]) <= 86400:
        raise ValueError("must be a number of seconds from 1 to 86400")
    return float(raw)


def _language(raw: str) -> str:
    if raw not in {"en", "pt_BR", "es"}:
        raise ValueError("must be en, pt_BR or es")
    return raw


def _public_url(raw: str) -> str:
    if not raw:
        return ""
    try:
        parts = urlsplit(raw)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"} or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://bridge.example.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password")
    return raw.rstrip("/")


def _rate(raw: str) -> str:
    amount, _, unit = raw.partition("/")
    if not amount.strip().isdigit() or not 1 <= int(amount.strip()[:9]) <= 1_000_000:
        raise ValueError("must look like 100/minute")
    if unit.strip() not in {"second", "minute", "hour"}:
        raise ValueError("must look like 100/minute (second, minute or hour)")
    return f"{int(amount)}/{unit.strip()}"


def _rate_storage(raw: str) -> str:
    if raw != "memory" and urlsplit(raw).scheme not in {"redis", "rediss", "redis+sentinel"}:
        raise ValueError("must be memory or an address such as redis://localhost:6379/0")
    return raw


def _account_token(raw: str) -> str:
    if raw and (len(raw) < 16 or not raw.isascii() or not raw.isprintable() or " " in raw):
        raise ValueError("must be at least 16 printable ASCII characters without spaces")
    return raw


def _file(raw: str) -> str:
    if raw and not os.access(raw, os.R_OK):
        raise ValueError("must name a file that can be read")
    return raw


def _level(raw: str) -> str:
    if raw.lower() not in {"debug", "info", "warning", "error"}:
        raise ValueError("must be debug, info, warning or error")
    return raw.lower()


OPTIONS: tuple[Option, ...] = (
    Option("BRIDGE_HOST", "127.0.0.1", "Address that the service listens on.", _text),
    Option("BRIDGE_PORT", "8080", "Port that the service listens on.", _port),
    Option(
        "BRIDGE_PUBLIC_URL",
        "",
        "Address under which Chatwoot and the gateway reach this service; empty if they cannot.",
        _public_url,
    ),
    Option(
        "BRIDGE_PROXIES",
        "0",
        "How many reverse proxies stand in front and set X-Forwarded-For and -Proto.",
        _count,
    ),
    Option(
        "BRIDGE_ACCOUNT_TOKEN",
        "",
        "Token of the operator for the wizard and the API; made at the first start if empty.",
        _account_token,
        secret=True,
    ),
    Option(
        "BRIDGE_ENCRYPTION_KEY",
        "",
        "Base64 of 32 bytes that seals the stored tokens; made at the first start if empty.",
        _text,
        secret=True,
    ),
    Option("BRIDGE_CHATWOOT_ENABLED", "true", "Switches the Chatwoot module on.", _truth),
    Option(
        "BRIDGE_SANDBOX",
        "auto",
        "Starts the built-in pretend Chatwoot on loopback; auto: when the service itself listens "
        "on loopback and has no public address.",
        _truth_or_auto,
    ),
    Option("BRIDGE_SANDBOX_PORT", "8090", "Port of the sandbox Chatwoot.", _port),
    Option("BRIDGE_SANDBOX_PHONE_PORT", "8091", "Port of the sandbox phone.", _port),
    Option(
        "BRIDGE_LANGUAGE",
        "en",
        "Language of the few notes that the bridge writes into conversations: en, pt_BR or es.",
        _language,
    ),
    Option(
        "BRIDGE_MARK_READ",
        "true",
        "Shows the customer that the messages were read when an agent answers.",
        _truth,
    ),
    Option("BRIDGE_SHOW_TYPING", "false", "Shows the customer that an agent is writing.", _truth),
    Option(
        "BRIDGE_ECHO_WAIT",
        "60",
        "Seconds after which a send without an answer and without an echo counts as not made.",
        _seconds,
    ),
    Option(
        "BRIDGE_BLOCK_PRIVATE_ADDRESSES",
        "false",
        "Refuses to call Chatwoot or a gateway on a private or loopback address.",
        _truth,
    ),
    Option(
        "BRIDGE_CA_FILE",
        "",
        "PEM file with the certificate authorities to trust, for a Chatwoot with a private one.",
        _file,
    ),
    Option("BRIDGE_RATE_LIMIT", "100/minute", "API calls that one token may make.", _rate),
    Option("BRIDGE_RATE_LIMIT_NEW", "20/minute", "New instances that one token may make.", _rate),
    Option(
        "BRIDGE_RATE_LIMIT_STORAGE",
        "memory",
        "Where the calls are counted: memory, or a Redis address for more than one machine.",
        _rate_storage,
        secret=True,
    ),
    Option("BRIDGE_LOG_LEVEL", "info", "How much is logged: debug, info, warning, error.", _level),
)
#: Read before everything else, because it says where `config.toml` is.
INSTANCE_DIR = Option("BRIDGE_INSTANCE_DIR", "instance", "Folder of all run-time state.", _text)


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """The checked settings; `shown` lists them for a person, `warnings` what looks mistyped."""

    instance_dir: Path
    host: str
    port: int
    public_url: str
    proxies: int
    account_token: str
    encryption_key: str
    chatwoot_enabled: bool
    sandbox: bool
    sandbox_port: int
    sandbox_phone_port: int
    language: str
    mark_read: bool
    show_typing: bool
    echo_wait: float
    block_private_addresses: bool
    ca_file: str
    rate_limit: str
    rate_limit_new: str
    rate_limit_storage: str
    log_level: str
    shown: tuple[Shown, ...]
    warnings: tuple[str, ...]

    @property
    def database(self) -> Path:
        """The one SQLite file."""
        return self.instance_dir / "bridge.db"

    @property
    def spool(self) -> Path:
        """Folder for files on their way from one side to the other."""
        return self.instance_dir / "spool"

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
