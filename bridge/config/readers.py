"""How the text of a setting is read. Each raises ValueError with the rule that is broken."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

#: What BRIDGE_GATEWAY_URL says where the gateway can call no address.
NOBODY = "none"


def text(raw: str) -> str:
    return raw


def folder(raw: str) -> Path:
    return Path(raw).absolute()


def names(raw: str) -> tuple[str, ...]:
    values = tuple(name.strip() for name in raw.split(",") if name.strip())
    if not all(re.fullmatch(r"[A-Za-z0-9._-]{1,253}", name) for name in values):
        raise ValueError("must be host names, separated by commas, without ports")
    return values


def one_of(*choices: str) -> Callable[[str], str]:
    def read(raw: str) -> str:
        values = next((choice for choice in choices if choice.lower() == raw.lower()), None)
        if values is None:
            raise ValueError(f"must be {', '.join(choices[:-1])} or {choices[-1]}")
        return values

    return read


def truth(raw: str) -> bool:
    match raw.lower():
        case "true" | "1" | "yes" | "on":
            return True
        case "false" | "0" | "no" | "off":
            return False
    raise ValueError("must be true or false")


def truth_or_auto(raw: str) -> Any:
    """Yes or no; None for `auto`, which `load` decides."""
    if raw.lower() == "auto":
        return None
    try:
        return truth(raw)
    except ValueError:
        raise ValueError("must be true, false or auto") from None


def whole(least: int, most: int, what: str) -> Callable[[str], int]:
    def read(raw: str) -> int:
        if not raw.isascii() or not raw.isdigit() or not least <= int(raw[:6]) <= most:
            raise ValueError(f"must be {what} from {least} to {most}")
        return int(raw)

    return read


def seconds(raw: str) -> float:
    return float(whole(1, 86400, "a number of seconds")(raw))


def pause(raw: str) -> float:
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9])?", raw) or not 0.1 <= float(raw) <= 86400:
        raise ValueError("must be a number of seconds from 0.1 to 86400")
    return float(raw)


def public_url(raw: str) -> str:
    """The base URL of a server, without a slash at its end; may be empty."""
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


def gateway_url(raw: str) -> str:
    return NOBODY if raw == NOBODY else public_url(raw)


def rate(raw: str) -> str:
    amount, _, unit = raw.partition("/")
    if not amount.strip().isdigit() or not 1 <= int(amount.strip()[:9]) <= 1_000_000:
        raise ValueError("must look like 100/minute")
    if unit.strip() not in {"second", "minute", "hour"}:
        raise ValueError("must look like 100/minute (second, minute or hour)")
    return f"{int(amount)}/{unit.strip()}"


def rate_storage(raw: str) -> str:
    if raw != "memory" and urlsplit(raw).scheme not in {"redis", "rediss", "redis+sentinel"}:
        raise ValueError("must be memory or an address such as redis://localhost:6379/0")
    return raw


def own_token(raw: str) -> str:
    """A token that is long enough to be none that is guessed; may be empty."""
    if raw and (len(raw) < 16 or not raw.isascii() or not raw.isprintable() or " " in raw):
        raise ValueError("must be at least 16 printable ASCII characters without spaces")
    return raw


def file(raw: str) -> str:
    """The path of a file that is there; may be empty."""
    if raw and not os.access(raw, os.R_OK):
        raise ValueError("must name a file that can be read")
    return raw
