"""The entry point of every API request: who calls, for which account, with which parameters.

Order of checks on account routes (docs/contracts/chatwoot.md, Access): token, bot, account exists,
suspended, membership, then the action's own.
"""

import codecs
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import unquote_to_bytes

from flask import Blueprint, Response, current_app, g, request

from sandbox.chatwoot.answers import (
    Refusal,
    bad_request,
    crash,
    not_allowed,
    not_found,
    unauthorized,
)
from sandbox.chatwoot.records import Account, AgentBot, Contact, Conversation, Inbox, User
from sandbox.chatwoot.sentences import sentence
from sandbox.chatwoot.server import Server
from sandbox.kit.loopback import stranger

Params = ParamSpec("Params")

#: The key in a request's environment that marks one of the agent's own, see agent.
IS_AGENT = "sandbox.agent"
#: Rack and Ruby's JSON reader refuse what is nested deeper.
_DEEPEST = 100


def server() -> Server:
    """The sandbox behind the current request."""
    return cast(Server, current_app.extensions["sandbox_chatwoot"])


@dataclass(frozen=True)
class Caller:
    """Who calls, and the account the call is about."""

    actor: User | AgentBot
    account: Account

    @property
    def is_admin(self) -> bool:
        return (
            isinstance(self.actor, User)
            and self.actor.roles.get(str(self.account.id)) == "administrator"
            and (by_agent() or not server().faults.demoted(self.actor))
        )

    def need_admin(self) -> None:
        """Refuse unless the caller administers the account."""
        if not self.is_admin:
            raise not_allowed()

    def may_see(self, inbox: Inbox) -> bool:
        """Administrators and bots see every inbox, agents only those they are members of; nobody
        one that is just being deleted."""
        if inbox.id in server().being_deleted:
            return False
        if self.is_admin or isinstance(self.actor, AgentBot):
            return True
        return self.actor.id in inbox.members and not server().faults.demoted(self.actor)

    def inbox(self, number: object) -> Inbox:
        """An inbox of the account that the caller may see."""
        inbox = server().state.inboxes.get(as_id(number))
        if inbox is None or inbox.account_id != self.account.id:
            raise not_found()
        if not self.may_see(inbox):
            raise not_allowed()
        return inbox

    def contact(self, number: object) -> Contact:
        contact = server().state.contacts.get(as_id(number))
        if contact is None or contact.account_id != self.account.id:
            raise not_found()
        return contact

    def conversation(self, display_id: int) -> Conversation:
        """A conversation of the account that the caller may see."""
        state = server().state
        conversation = state.conversations.first(account_id=self.account.id, display_id=display_id)
        if conversation is None:
            raise not_found()
        if not self.may_see(state.inboxes[conversation.inbox_id]):
            raise not_allowed()
        return conversation


def as_id(value: object) -> int:
    """An id given as number or text, as Rails reads it: what is no number finds nothing."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, int):
        return value
    match = re.match(r"\s*(\d+)", value) if isinstance(value, str) else None
    return int(match.group(1)) if match else 0


def is_blank(value: object) -> bool:
    """Whether Rails calls a parameter blank: it is missing, null or an empty text."""
    return value is None or value == ""


def as_bool(value: object) -> bool:
    """A boolean column's reading of JSON and form values, as Rails casts them."""
    return value not in (False, None, "", 0, "0", "f", "F", "false", "FALSE", "off", "OFF")


def refuse_strangers() -> None:
    """Refuse who may not steer the sandbox."""
    if sentence := stranger():
        raise Refusal(403, {"error": sentence})


def as_text(value: object) -> str | None:
    """A text column's reading of a JSON value, as Rails and Ruby write it."""
    if isinstance(value, bool):
        return "t" if value else "f"
    return value if value is None or isinstance(value, str) else _inspected(value)


def _inspected(value: object) -> str:
    """Ruby's own way of writing a value."""
    match value:
        case dict():
            pairs = (f"{_inspected(key)}=>{_inspected(item)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"
        case list():
            return f"[{', '.join(map(_inspected, value))}]"
        case None:
            return "nil"
    is_plain = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_plain else json.dumps(value, ensure_ascii=False)


def by_agent() -> bool:
    """Whether the agent of the page, or of a test, acts in the current request."""
    return IS_AGENT in request.environ


def _agent_of(account: Account) -> User:
    """The administrator in whose name the page acts."""
    users = server().state.users.values()
    user = next(item for item in users if item.roles.get(str(account.id)) == "administrator")
    g.actor = user
    return user


def actor(*, bots: bool) -> User | AgentBot:
    """Whose token the request carries. Refuses with 401 when there is none that will do."""
    token = request.headers.get("api-access-token", "")
    if not token:
        locale = server().state.options.default_locale
        raise Refusal(401, {"errors": [sentence(locale, "no token")]})
    found = server().state.holder_of(token)
    if found is None:
        raise unauthorized("Invalid Access Token")
    if isinstance(found, AgentBot) and not bots:
        raise unauthorized("Access to this endpoint is not authorized for bots")
    g.caller_name = found.name
    g.actor = found
    return found


def caller(account_id: int, *, bots: bool = False) -> Caller:
    """Check the request against an account."""
    account = server().state.accounts.get(account_id)
    if account is not None and by_agent():
        return Caller(_agent_of(account), account)
    who = actor(bots=bots)
    if account is None:
        raise not_found()
    if account.status == "suspended" or server().faults.account_suspended(account_id):
        raise unauthorized("Account is suspended")
    if isinstance(who, AgentBot):
        if who.account_id != account_id:
            raise unauthorized("Bot is not authorized to access this account")
    elif str(account_id) not in who.roles or server().faults.removed(who):
        raise unauthorized(sentence(server().state.options.default_locale, "outsider"))
    return Caller(who, account)


View = Callable[Concatenate[Caller, Params], Response]


def account_route(
    blueprint: Blueprint, rule: str, *methods: str, bots: bool = False
) -> Callable[[View[Params]], View[Params]]:
    """Serve `/api/v1/accounts/<account_id><rule>`; the whole view runs under the state's lock."""

    def decorate(view: View[Params]) -> View[Params]:
        @wraps(view)
        def guarded(account_id: int, *args: Params.args, **kwargs: Params.kwargs) -> Response:
            with server().state.lock:
                return view(caller(account_id, bots=bots), *args, **kwargs)

        full = f"/api/v1/accounts/<int:account_id>{rule}"
        blueprint.add_url_rule(full, view.__name__, guarded, methods=list(methods))
        return view

    return decorate


ConversationView = Callable[Concatenate[Caller, Conversation, Params], Response]


def conversation_route(
    blueprint: Blueprint, rule: str, *methods: str, bots: bool = True
) -> Callable[[ConversationView[Params]], ConversationView[Params]]:
    """Serve a rule below a conversation; the view gets the caller and the conversation."""

    def decorate(view: ConversationView[Params]) -> ConversationView[Params]:
        @wraps(view)
        def found(
            who: Caller, display_id: int, *args: Params.args, **kwargs: Params.kwargs
        ) -> Response:
            return view(who, who.conversation(display_id), *args, **kwargs)

        full = f"/conversations/<int:display_id>{rule}"
        account_route(blueprint, full, *methods, bots=bots)(found)  # type: ignore[arg-type]
        return view

    return decorate


def read_params() -> None:
    """Read the request's parameters once, before anything else; malformed JSON is refused."""
    g.params = {}
    if not _is_readable(request.environ.get("RAW_URI", "")):
        raise bad_request()
    declared = request.headers.get("Content-Type", "")
    if declared and "/" not in declared:
        raise Refusal(406, {"status": 406, "error": "Not Acceptable"})
    if request.mimetype == "application/json":
        body = request.get_data(cache=True)
        if len(body) < (request.content_length or 0):  # the caller died while it spoke
            raise bad_request()
        if body.strip():
            try:
                parsed = _parsed(body)
            except (ValueError, RecursionError):
                raise bad_request() from None
            g.params = parsed if isinstance(parsed, dict) else {"_json": parsed}
    elif request.mimetype in ("multipart/form-data", "application/x-www-form-urlencoded"):
        body = request.get_data(cache=True)
        edge = request.mimetype_params.get("boundary")
        if edge and f"--{edge}--".encode() not in body:  # it ends too early
            raise bad_request()
        texts = request.form.to_dict(flat=False)
        # Werkzeug puts this sign where the bytes are no UTF-8.
        if "\ufffd" in str(texts) and "\ufffd".encode() not in body:
            raise bad_request()
        g.params = _nested(texts)


def _is_readable(address: str) -> bool:
    """Whether an address is percent-encoded UTF-8 without a stray `%`."""
    try:
        unquote_to_bytes(address).decode()
    except UnicodeDecodeError:
        return False
    return re.search(r"%(?![0-9A-Fa-f]{2})", address) is None


def _parsed(body: bytes) -> Any:
    """A JSON body as Ruby reads it. Raises ValueError for what Ruby refuses and Python does not."""
    if body.startswith(codecs.BOM_UTF8):
        raise ValueError("byte order mark")
    parsed = json.loads(body, parse_constant=_no_constant)
    if b"\\u" in body:
        json.dumps(parsed, ensure_ascii=False).encode()
    if _is_deeper(parsed, _DEEPEST):
        raise ValueError("too deep")
    return parsed


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in inner)


def _no_constant(name: str) -> None:
    """JSON has no NaN and no Infinity, whatever Python's reader thinks."""
    raise ValueError(name)


def _nested(form: dict[str, list[str]]) -> dict[str, Any]:
    """Rails' reading of form names: `a[b]=1` is {"a": {"b": "1"}}, `a[]=1` is {"a": ["1"]}."""
    tree: dict[str, Any] = {}
    for name, values in form.items():
        first, *keys = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name) or [name]
        if len(keys) >= _DEEPEST:
            raise bad_request()
        place, key = tree, first
        for deeper in keys:
            if deeper == "":
                break
            inner = place.setdefault(key, {})
            if not isinstance(inner, dict):
                raise crash()
            place, key = inner, deeper
        place[key] = values if name.endswith("[]") else values[-1]
    return tree


def query() -> dict[str, Any]:
    """The parameters of the current request's address; of a repeated one the last counts."""
    return _nested(request.args.to_dict(flat=False))


def params() -> dict[str, Any]:
    return cast(dict[str, Any], g.params)
