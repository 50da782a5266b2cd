"""Finding contacts: list, search and filter (docs/contracts/chatwoot.md, Contacts)."""

import re

from flask import Blueprint, Response, request

from sandbox.chatwoot import filters
from sandbox.chatwoot.access import Caller, account_route, as_id, params, server
from sandbox.chatwoot.answers import Refusal, reply
from sandbox.chatwoot.records import Contact, Json
from sandbox.chatwoot.versions import Trait

routes = Blueprint("contact_search", __name__)

_PAGE = 15
# Labels and times are named in Chatwoot's refusals; nobody can ask for them here.
_ATTRIBUTES = {
    "name": filters.TEXT,
    "phone_number": (*filters.TEXT, "starts_with"),
    "email": filters.TEXT,
    "identifier": filters.EQUAL,
    "country_code": filters.EQUAL,
    "city": filters.TEXT,
    "company_name": filters.TEXT,
    "labels": (),
    "created_at": (),
    "last_activity_at": (),
    "blocked": filters.EQUAL,
}


def _of_account(who: Caller) -> list[Contact]:
    return [c for c in server().state.contacts.values() if c.account_id == who.account.id]


def _resolved(contacts: list[Contact]) -> list[Contact]:
    """With crm_v2 a contact that has neither phone nor e-mail is invisible here."""
    if not server().state.options.crm_v2:
        return contacts
    return [contact for contact in contacts if contact.phone_number or contact.email]


def _page(found: list[Contact], *, old_count: bool = False) -> Response:
    given = request.args.get("page")
    number = max(as_id(given) or 1, 1)
    part = found[(number - 1) * _PAGE : number * _PAGE]
    meta: Json = {"count": len(found), "current_page": given if given is not None else 1}
    if not old_count:
        meta |= {"count": len(part), "has_more": len(found) > number * _PAGE}
    return reply({"meta": meta, "payload": [server().shapes.contact(row) for row in part]})


@account_route(routes, "/contacts", "GET")
def list_contacts(who: Caller) -> Response:
    """Fifteen a page, oldest first."""
    return _page(_resolved(_of_account(who)), old_count=True)


@account_route(routes, "/contacts/search", "GET")
def search_contacts(who: Caller) -> Response:
    """Substring search; `%` and `_` are wildcards. A blank `q` finds nothing, with 200."""
    options = server().state.options
    if options.throttle:
        limit = 100 if options.has(Trait.MANY_SEARCHES) else 5
        if not server().limits.allow(f"search/{who.account.id}", limit):
            raise Refusal(429, "Retry later\n")
    wanted = request.args.get("q", "").strip()
    if not wanted:
        meta: Json = {"count": None, "current_page": request.args.get("page", 1)}
        if options.has(Trait.SEARCH_HAS_MORE):
            meta["has_more"] = None
        return reply({"meta": meta, "payload": []})
    exact = _like(wanted)
    folded = re.compile(exact.pattern, re.DOTALL | re.IGNORECASE)

    def hit(contact: Contact) -> bool:
        texts = (contact.name or "", contact.email or "", contact.phone_number or "")
        if any(folded.search(text) for text in texts):
            return True
        return exact.search(contact.identifier or "") is not None

    found = [contact for contact in _of_account(who) if hit(contact)]
    return _page(found, old_count=not options.has(Trait.SEARCH_HAS_MORE))


def _like(text: str) -> re.Pattern[str]:
    """SQL's LIKE '%text%'."""
    signs = {"%": ".*", "_": "."}
    return re.compile("".join(signs.get(sign, re.escape(sign)) for sign in text), re.DOTALL)


@account_route(routes, "/contacts/filter", "POST")
def filter_contacts(who: Caller) -> Response:
    """Exact filters; the first page of what fits."""
    contacts = _resolved(_of_account(who))
    found = filters.chosen(params().get("payload"), _ATTRIBUTES, who.account.locale, contacts)
    return _page(found, old_count=True)
