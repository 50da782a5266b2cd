"""The address of a Chatwoot: what people paste, and what is stored.

Sources: docs/contracts/chatwoot.md, Access (`/app/...` is the dashboard, not the API).
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from bridge.domain.errors import N_, Problem

MAX_LENGTH = 2048
#: The path of the pages where customers rate a conversation, and that of files in Chatwoot.
SURVEY_PATH = "/survey/responses/"
_FILE_PATH = "/rails/active_storage/"
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_DASHBOARD = re.compile(r"/(?:app|api|auth|super_admin|cable)(?:/.*)?$")
_ACCOUNT = re.compile(r"/accounts/([0-9]{1,18})(?:/|$)")
#: Characters that copying from a page or a chat brings along unseen.
UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")


class BadAddress(Exception):
    """The text is no address of a Chatwoot; `problem` says why."""

    def __init__(self, sentence: str, **values: object) -> None:
        self.problem = Problem(sentence, **values)
        super().__init__(str(self.problem))


@dataclass(frozen=True, slots=True)
class ChatwootAddress:
    """`base_url` in its one canonical form, without a trailing slash.

    `account_id` is the account that a link from the dashboard names; `is_link` says that the text
    was such a link and not just the base URL.
    """

    base_url: str
    account_id: int | None = None
    is_link: bool = False


def parse(text: str) -> ChatwootAddress:
    """Reads an `http` or `https` address. Raises BadAddress."""
    if len(text) > MAX_LENGTH:
        raise BadAddress(N_("must be at most {limit} characters long"), limit=MAX_LENGTH)
    if not text:
        raise BadAddress(N_("must not be empty"))
    if any(character <= " " or character == "\x7f" or character == "\\" for character in text):
        raise BadAddress(N_("must not contain spaces or control characters"))
    parts, port = _split(text)
    if parts.scheme not in {"http", "https"}:
        raise BadAddress(N_("must begin with http:// or https://"))
    if parts.username is not None or parts.password is not None:
        raise BadAddress(N_("must not hold a user name or password"))
    host = _host(parts.hostname or "")
    default = 443 if parts.scheme == "https" else 80
    origin = f"{parts.scheme}://{host}" + (f":{port}" if port not in {None, default} else "")
    path = re.sub("/{2,}", "/", parts.path).rstrip("/")
    account = _ACCOUNT.search(f"{path}/")
    is_link = bool(_DASHBOARD.search(path)) or bool(parts.query) or bool(parts.fragment)
    base_path = _DASHBOARD.sub("", path)
    return ChatwootAddress(
        origin + base_path, int(account[1]) if account and is_link else None, is_link
    )


def parse_pasted(text: str) -> ChatwootAddress:
    """As `parse`, forgiving what a person types: spaces around, a missing `https://`, any case."""
    cleaned = UNSEEN.sub("", text).strip().strip("<>\"'")
    if cleaned and "://" not in cleaned:
        plain = _is_local(cleaned)
        cleaned = ("http://" if plain else "https://") + cleaned.lstrip("/")
    return parse(cleaned)


def of_file(url: str) -> str:
    """The address at which Chatwoot shows itself, by that of a file in its storage; empty for any
    other address."""
    return _before(_FILE_PATH, url)


def of_survey(text: str) -> str:
    """The same by the link in the text of a survey, empty where there is none."""
    return next((_before(SURVEY_PATH, url) for url in text.split() if SURVEY_PATH in url), "")


def _before(path: str, url: str) -> str:
    base_url, mark, _ = url.partition(path)
    try:
        return parse(base_url).base_url if mark else ""
    except BadAddress:
        return ""


def _split(text: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise BadAddress(N_("must be an address such as https://chat.example.com")) from None
    if port == 0:
        raise BadAddress(N_("must have a port from 1 to 65535"))
    return parts, port


def _host(raw: str) -> str:
    problem = BadAddress(N_("must name a host, such as https://chat.example.com"))
    if ":" in raw:
        try:
            return f"[{ipaddress.IPv6Address(raw.partition('%')[0]).compressed}]"
        except ValueError:
            raise problem from None
    try:
        host = raw.rstrip(".") if raw.isascii() else raw.encode("idna").decode("ascii")
    except UnicodeError:
        raise problem from None
    host = host.lower()
    if not host or len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise problem
    return host


def _is_local(text: str) -> bool:
    """Whether an address typed without a scheme is one that rarely speaks TLS."""
    try:
        host = urlsplit(f"//{text}").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_private
    except ValueError:
        return False
