"""Every setting there is: its name, its default, what it means and how its text is read."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


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


def _text(raw: str) -> str:
    return raw


def _names(raw: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in raw.split(",") if name.strip())
    if not all(re.fullmatch(r"[A-Za-z0-9._-]{1,253}", name) for name in names):
        raise ValueError("must be host names, separated by commas, without ports")
    return names


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


def _pause(raw: str) -> float:
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9])?", raw) or not 0.1 <= float(raw) <= 86400:
        raise ValueError("must be a number of seconds from 0.1 to 86400")
    return float(raw)


def _days(raw: str) -> int:
    if not raw.isascii() or not raw.isdigit() or not 4 <= int(raw[:6]) <= 3650:
        raise ValueError("must be a number of days from 4 to 3650")
    return int(raw)


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


def _gateway_url(raw: str) -> str:
    return NOBODY if raw == NOBODY else _public_url(raw)


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


def _own_token(raw: str) -> str:
    if raw and (len(raw) < 16 or not raw.isascii() or not raw.isprintable() or " " in raw):
        raise ValueError("must be at least 16 printable ASCII characters without spaces")
    return raw


def _file(raw: str) -> str:
    if raw and not os.access(raw, os.R_OK):
        raise ValueError("must name a file that can be read")
    return raw


def _log_format(raw: str) -> str:
    if raw.lower() not in {"text", "json"}:
        raise ValueError("must be text or json")
    return raw.lower()


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
        "BRIDGE_GATEWAY_URL",
        "",
        "Address under which the gateway reaches this service if that is another one; empty: "
        "BRIDGE_PUBLIC_URL, without it one that a gateway in the same network can call; none: it "
        "calls no address.",
        _gateway_url,
    ),
    Option(
        "BRIDGE_HOSTS",
        "",
        "Further names by which people open the pages, separated by commas. Where "
        "BRIDGE_PUBLIC_URL is set, others are refused, but for addresses in numbers and names "
        "without a dot.",
        _names,
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
        _own_token,
        secret=True,
    ),
    Option(
        "BRIDGE_ENCRYPTION_KEY",
        "",
        "Base64 of 32 bytes that seals the stored tokens; made at the first start if empty. While "
        "keys rotate: the new one, a comma, the old one.",
        _text,
        secret=True,
    ),
    Option("BRIDGE_CHATWOOT_ENABLED", "true", "Switches the Chatwoot module on.", _truth),
    Option(
        "BRIDGE_CHATWOOT_SOCKET",
        "true",
        "Listens on Chatwoot's socket beside its webhooks, one connection for each token.",
        _truth,
    ),
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
        "BRIDGE_CHATWOOT_RUNS_ON",
        "45",
        "Seconds for which Chatwoot may still act upon a request that got no answer; only after "
        "them does a look that finds nothing prove that nothing was stored.",
        _pause,
    ),
    Option("BRIDGE_RETRY_MOST", "300", "Longest pause between two tries, in seconds.", _pause),
    Option(
        "BRIDGE_POISON_AFTER",
        "3600",
        "Seconds after which a message that alone makes Chatwoot fail, the same way each time, is "
        "given up.",
        _pause,
    ),
    Option(
        "BRIDGE_LOOK_INTERVAL",
        "60",
        "Seconds after which Chatwoot is asked again for what it told nobody; longer where that "
        "costs it more than 1 % of its time.",
        _seconds,
    ),
    Option(
        "BRIDGE_KEEP_DAYS",
        "30",
        "Days for which messages that have arrived are kept, for the console and the statistics.",
        _days,
    ),
    Option(
        "BRIDGE_CHATWOOT_RATE",
        "2700/minute",
        "Calls to one Chatwoot address at most; Chatwoot itself allows 3000/minute, 300 before "
        "3.1.0. One on this machine is not limited.",
        _rate,
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
    Option(
        "BRIDGE_METRICS_TOKEN",
        "",
        "Bearer token for /metrics; without one only this machine itself may read it.",
        _own_token,
        secret=True,
    ),
    Option(
        "BRIDGE_SHOW_CONTENTS",
        "true",
        "Shows the operator what messages say, in the console and on the command line.",
        _truth,
    ),
    Option("BRIDGE_LOG_FORMAT", "text", "How a line of the log looks: text or json.", _log_format),
    Option("BRIDGE_LOG_LEVEL", "info", "How much is logged: debug, info, warning, error.", _level),
)
#: What BRIDGE_GATEWAY_URL says where the gateway can call no address.
NOBODY = "none"
#: Read before everything else, because it says where `config.toml` is.
INSTANCE_DIR = Option("BRIDGE_INSTANCE_DIR", "instance", "Folder of all run-time state.", _text)
