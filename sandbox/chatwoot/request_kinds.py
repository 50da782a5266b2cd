"""What a request is about, in one word: what faults are aimed at."""

import re
from dataclasses import dataclass

_BELOW = re.compile(r"/api/v1/accounts/(\d+)(/.*)?")
_CONVERSATION = re.compile(r"/conversations/(\d+)(?:/|$)")
#: Below an account: method, path, kind. The first that fits is meant.
_KINDS = (
    ("POST", r"/conversations/\d+/messages", "text"),
    ("GET", r"/conversations/\d+/messages", "messages"),
    ("POST", r"/conversations/\d+/messages/\d+/retry", "retry"),
    ("PATCH|PUT", r"/conversations/\d+/messages/\d+", "patch"),
    ("DELETE", r"/conversations/\d+/messages/\d+", "delete"),
    ("POST", r"/conversations/\d+/toggle_status", "toggle"),
    ("POST", r"/conversations/\d+/toggle_typing_status", "typing"),
    ("POST", r"/conversations/\d+/update_last_seen", "seen"),
    ("POST", r"/conversations/\d+/assignments", "assign"),
    ("POST", r"/conversations", "conv"),
    ("GET", r"/conversations", "convs"),
    ("GET", r"/conversations/\d+", "conversation"),
    ("POST|PATCH|PUT|DELETE", r"/conversations/.*", "conv_change"),
    ("POST", r"/contacts", "contact"),
    ("POST", r"/contacts/filter", "filter"),
    ("GET", r"/contacts/search", "search"),
    ("POST", r"/contact_inboxes/filter", "filter"),
    ("POST", r"/contacts/\d+/contact_inboxes", "place"),
    ("GET", r"/contacts/\d+/conversations", "contact_convs"),
    ("GET", r"/contacts.*", "contact_read"),
    ("POST|PATCH|PUT|DELETE", r"/contacts.*|/actions/contact_merge", "contact_change"),
    ("POST", r"/upload", "upload"),
    ("GET", r"/inboxes", "inboxes"),
    ("GET", r"/inboxes/\d+", "inbox"),
    ("POST|PATCH|PUT|DELETE", r"/inbox.*", "inbox_change"),
    ("GET", r"", "account"),
)
#: Outside of any account.
_OUTSIDE = (
    (r"/api", "api"),
    (r"/health", "health"),
    (r"/cable", "cable"),
    (r"/api/v1/profile.*", "profile"),
    (r"/rails/active_storage/disk/.*", "bytes"),
    (r"/rails/.*", "file_address"),
)

#: Several kinds in one word.
_LOOK = "messages convs conversation contact_convs"
_WRITE = (
    "text file conv conv_change patch delete retry toggle seen assign contact contact_change place"
    " inbox_change upload"
)
_READ = f"{_LOOK} search filter contact_read inbox inboxes account profile"
_TOKEN = f"{_WRITE} {_READ} typing other"  # everything that needs a token
GROUPS: dict[str, frozenset[str]] = {
    "message": frozenset({"text", "file"}),
    "look": frozenset(_LOOK.split()),
    "write": frozenset(_WRITE.split()),
    "read": frozenset(_READ.split()),
    "token": frozenset(_TOKEN.split()),
    "all": frozenset(f"{_TOKEN} api health cable bytes file_address".split()),
}


@dataclass(frozen=True)
class RequestFacts:
    """A request as faults see it. `content` is the text of its parameters; `incoming` says
    whether it brings a customer's message; `by_page` that the agent page made it."""

    method: str
    path: str
    kind: str
    content: str
    incoming: bool = False
    by_page: bool = False

    @property
    def conversation(self) -> int | None:
        """The number of the conversation that it is about."""
        found = _CONVERSATION.search(self.path)
        return int(found[1]) if found else None

    @property
    def account_id(self) -> int | None:
        """The account that it is about."""
        found = _BELOW.fullmatch(self.path)
        return int(found[1]) if found else None


def kind_of(method: str, path: str, *, has_files: bool) -> str:
    """The kind of a request; `other` where no fault aims."""
    path = path.rstrip("/")
    below = _BELOW.fullmatch(path)
    if below is None:
        return next((kind for rule, kind in _OUTSIDE if re.fullmatch(rule, path)), "other")
    for methods, rule, kind in _KINDS:
        if re.fullmatch(methods, method) and re.fullmatch(rule, below[2] or ""):
            return "file" if kind == "text" and has_files else kind
    return "other"


def expanded(names: list[str]) -> frozenset[str]:
    """The kinds that words name, groups among them. Raises ValueError for an unknown word."""
    found: set[str] = set()
    for name in names:
        if name not in GROUPS and name not in GROUPS["all"]:
            known = ", ".join(sorted([*GROUPS, *GROUPS["all"]]))
            raise ValueError(f"unknown request kind {name!r}; known: {known}")
        found |= GROUPS.get(name, {name})
    return frozenset(found)
