"""Contact routes (docs/contracts/chatwoot.md, Contacts). Search and filter live in
contact_search."""

from flask import Blueprint, Response, request

from sandbox.chatwoot import contact_actions, uploads
from sandbox.chatwoot.access import Caller, account_route, is_blank, params, server
from sandbox.chatwoot.answers import Refusal, crash, empty, invalid, reply
from sandbox.chatwoot.conversation_actions import SourceTaken, check_source, place_in_inbox
from sandbox.chatwoot.filetypes import content_type, file_name
from sandbox.chatwoot.records import Contact, Inbox

routes = Blueprint("contacts", __name__)

_PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_LARGEST_PICTURE = 15 << 20


@account_route(routes, "/contacts", "POST")
def create_contact(who: Caller) -> Response:
    """A new contact with its place in an inbox; one transaction."""
    given, state, shapes = params(), server().state, server().shapes
    inbox = None if is_blank(given.get("inbox_id")) else who.inbox(given["inbox_id"])
    source_id = None if given.get("source_id") is None else str(given["source_id"])
    wanted = contact_actions.wanted_columns(given)
    contact_actions.check(server(), who.account.id, wanted, own_id=None)
    _check_avatar()
    if inbox and source_id:
        check_source(state.options, source_id)
        if state.contact_inboxes.first(inbox_id=inbox.id, source_id=source_id):
            raise crash()  # RecordNotUnique, which nobody rescues
    contact = contact_actions.create(server(), who.account.id, given)
    _take_avatar(contact)
    place = place_in_inbox(server(), contact, inbox, source_id) if inbox else None
    raw = shapes.raw_inbox(inbox) if inbox else None
    contact_inbox = {"inbox": raw, "source_id": place.source_id if place else None}
    return reply({"payload": {"contact": shapes.contact(contact), "contact_inbox": contact_inbox}})


@account_route(routes, "/contacts/<int:contact_id>", "GET")
def show_contact(who: Caller, contact_id: int) -> Response:
    return reply({"payload": server().shapes.contact(who.contact(contact_id))})


@account_route(routes, "/contacts/<int:contact_id>", "PATCH", "PUT")
def update_contact(who: Caller, contact_id: int) -> Response:
    """Overwrite columns, merge attributes."""
    contact = who.contact(contact_id)
    _check_avatar()
    contact_actions.update(server(), contact, params())
    _take_avatar(contact)
    return reply({"payload": server().shapes.contact(contact)})


@account_route(routes, "/contacts/<int:contact_id>", "DELETE")
def delete_contact(who: Caller, contact_id: int) -> Response:
    """Administrators only; an empty 200."""
    who.need_admin()
    contact = who.contact(contact_id)
    contact_actions.remove(server(), contact)
    return empty()


def _check_avatar() -> None:
    """Refuse a picture that is none, or over 15 MB, before anything is saved."""
    if not is_blank(params().get("avatar")):
        raise crash()  # text where a file belongs
    file = request.files.get("avatar")
    if file is None:
        return
    body = file.stream.read()
    file.stream.seek(0)
    problems = []
    if len(body) > _LARGEST_PICTURE:
        problems.append(("avatar", "Avatar is too big"))
    if content_type(body, file.content_type, file_name(file)) not in _PICTURES:
        problems.append(("avatar", "Avatar filetype not supported"))
    if problems:
        raise invalid(*problems)


def _take_avatar(contact: Contact) -> None:
    """A picture sent along. An `avatar_url` would be for a job that nobody runs here."""
    file = request.files.get("avatar")
    if file is not None:
        key = uploads.store(server().state, file)
        contact.avatar_url = uploads.address_of(key, thumbnail=True)
        server().state.save(contact)


@account_route(routes, "/contacts/<int:contact_id>/contact_inboxes", "POST")
def create_contact_inbox(who: Caller, contact_id: int) -> Response:
    """A place in an inbox; the same one again is the same row, another contact's is a crash."""
    given = params()
    contact = who.contact(contact_id)
    inbox = who.inbox(given.get("inbox_id"))
    source_id = given.get("source_id")
    try:
        place = place_in_inbox(
            server(), contact, inbox, None if source_id is None else str(source_id)
        )
    except SourceTaken:
        raise crash() from None
    if place is None:
        raise crash()
    return reply(server().shapes.place(place))


@account_route(routes, "/contacts/<int:contact_id>/contactable_inboxes", "GET")
def contactable_inboxes(who: Caller, contact_id: int) -> Response:
    contact = who.contact(contact_id)
    state, shapes = server().state, server().shapes
    known = {place.inbox_id: place for place in state.contact_inboxes.where(contact_id=contact.id)}

    def entry(inbox: Inbox) -> dict[str, object]:
        place = known.get(inbox.id)
        source_id = place.source_id if place else None
        return {"inbox": shapes.slim_inbox(inbox), "source_id": source_id}

    inboxes = [i for i in state.inboxes.values() if i.account_id == who.account.id]
    return reply({"payload": [entry(inbox) for inbox in inboxes if who.may_see(inbox)]})


@account_route(routes, "/contacts/<int:contact_id>/conversations", "GET")
def conversations_of_contact(who: Caller, contact_id: int) -> Response:
    """The latest twenty, all inboxes and statuses, without paging."""
    contact = who.contact(contact_id)
    state = server().state
    found = state.conversations.where(contact_id=contact.id)
    seen = [row for row in found if who.may_see(state.inboxes[row.inbox_id])]
    seen.sort(key=lambda row: (row.last_activity_at, row.id), reverse=True)
    return reply({"payload": [server().shapes.conversation(row) for row in seen[:20]]})


@account_route(routes, "/contact_inboxes/filter", "POST")
def filter_contact_inboxes(who: Caller) -> Response:
    """The contact behind (inbox, source_id), or 404 with an empty body (since 3.2.0)."""
    given = params()
    inbox = who.inbox(given.get("inbox_id"))
    place = server().state.contact_inboxes.first(
        inbox_id=inbox.id, source_id=str(given.get("source_id"))
    )
    if place is None:
        raise Refusal(404, None)
    return reply(server().shapes.contact(server().state.contacts[place.contact_id]))


@account_route(routes, "/actions/contact_merge", "POST")
def merge_contacts(who: Caller) -> Response:
    """Two contacts become the base contact, shown at top level."""
    given = params()
    base = who.contact(given.get("base_contact_id"))
    mergee = who.contact(given.get("mergee_contact_id"))
    contact_actions.merge(server(), base, mergee)
    return reply(server().shapes.contact(base, places=False))
