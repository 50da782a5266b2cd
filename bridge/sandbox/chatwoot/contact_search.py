"""Finding contacts: list, search and filter (chatwoot.md section 3)."""

import re
from collections.abc import Callable

from flask import Blueprint, Response, request

from bridge.sandbox.chatwoot.answers import Refusal, reply, unprocessable
from bridge.sandbox.chatwoot.door import Caller, account_route, as_id, params, world
from bridge.sandbox.chatwoot.records import Contact, Json

routes = Blueprint("contact_search", __name__)

_PAGE = 15
_ATTRIBUTES = ("name", "email", "phone_number", "identifier", "blocked", "country_code", "city")
_OPERATORS = (
    "equal_to",
    "not_equal_to",
    "contains",
    "does_not_contain",
    "is_present",
    "is_not_present",
    "starts_with",
)


def _of_account(who: Caller) -> list[Contact]:
    contacts = [c for c in world().state.contacts.values() if c.account_id == who.account.id]
    return sorted(contacts, key=lambda contact: contact.name.lower())


def _resolved(contacts: list[Contact]) -> list[Contact]:
    """With crm_v2 a contact that has neither phone nor e-mail is invisible here."""
    if not world().state.options.crm_v2:
        return contacts
    return [contact for contact in contacts if contact.phone_number or contact.email]


def _page(found: list[Contact], *, old_count: bool = False) -> Response:
    given = request.args.get("page")
    number = max(as_id(given) or 1, 1)
    part = found[(number - 1) * _PAGE : number * _PAGE]
    meta: Json = {"count": len(found), "current_page": given if given is not None else 1}
    if not old_count:
        meta |= {"count": len(part), "has_more": len(found) > number * _PAGE}
    return reply({"meta": meta, "payload": [world().shapes.contact(one) for one in part]})


@account_route(routes, "/contacts", "GET")
def list_contacts(who: Caller) -> Response:
    """Fifteen a page, by name."""
    return _page(_resolved(_of_account(who)), old_count=True)


@account_route(routes, "/contacts/search", "GET")
def search_contacts(who: Caller) -> Response:
    """Substring search; `%` and `_` are wildcards. A blank `q` finds nothing, with 200."""
    options = world().state.options
    if options.throttle:
        limit = 100 if options.at_least(3, 9, 0) else 5
        if not world().limits.allow(f"search/{who.account.id}", limit):
            raise Refusal(429, "Retry later\n")
    wanted = request.args.get("q", "").strip()
    if not wanted:
        page = request.args.get("page", 1)
        return reply({"meta": {"count": None, "current_page": page}, "payload": []})
    exact = _like(wanted)
    folded = re.compile(exact.pattern, re.DOTALL | re.IGNORECASE)

    def hit(contact: Contact) -> bool:
        texts = (contact.name, contact.email or "", contact.phone_number or "")
        if any(folded.search(text) for text in texts):
            return True
        return exact.search(contact.identifier or "") is not None

    found = [contact for contact in _of_account(who) if hit(contact)]
    return _page(found, old_count=not options.at_least(4, 11, 0))


def _like(text: str) -> re.Pattern[str]:
    """SQL's LIKE '%text%'."""
    signs = {"%": ".*", "_": "."}
    return re.compile("".join(signs.get(sign, re.escape(sign)) for sign in text), re.DOTALL)


@account_route(routes, "/contacts/filter", "POST")
def filter_contacts(who: Caller) -> Response:
    """Exact filters, joined by AND and OR as in SQL."""
    conditions = params().get("payload")
    if not isinstance(conditions, list) or not conditions:
        raise unprocessable("param is missing or the value is empty: payload")
    alternatives: list[list[Callable[[Contact], bool]]] = [[]]
    for condition in conditions:
        alternatives[-1].append(_test(condition))
        joined = str(condition.get("query_operator") or "").upper()
        if joined not in ("", "AND", "OR"):
            raise unprocessable('Query operator must be either "AND" or "OR".')
        if joined == "OR":
            alternatives.append([])
    found = [
        contact
        for contact in _resolved(_of_account(who))
        if any(tests and all(test(contact) for test in tests) for tests in alternatives)
    ]
    return _page(found, old_count=True)


def _test(condition: Json) -> Callable[[Contact], bool]:
    key = str(condition.get("attribute_key"))
    operator = condition.get("filter_operator")
    if key not in _ATTRIBUTES:
        raise unprocessable(
            f"Invalid attribute key - [{key}]. The key should be one of "
            f"[{','.join(_ATTRIBUTES)}] or a custom attribute defined in the account."
        )
    if operator not in _OPERATORS:
        raise unprocessable(
            f"Invalid operator. The allowed operators for {key} are [{','.join(_OPERATORS)}]."
        )
    given = condition.get("values")
    values = [str(one).lower() for one in (given if isinstance(given, list) else [given])]
    if key == "phone_number":
        values = [value if value.startswith("+") else f"+{value}" for value in values]

    def text(contact: Contact) -> str:
        value = getattr(contact, key, contact.additional_attributes.get(key))
        return "" if value is None else str(value).lower()

    match operator:
        case "equal_to":
            return lambda contact: text(contact) in values
        case "not_equal_to":
            return lambda contact: text(contact) not in values
        case "contains":
            return lambda contact: any(value in text(contact) for value in values)
        case "does_not_contain":
            return lambda contact: all(value not in text(contact) for value in values)
        case "starts_with":
            return lambda contact: text(contact).startswith(tuple(values))
        case "is_present":
            return lambda contact: text(contact) != ""
    return lambda contact: text(contact) == ""
