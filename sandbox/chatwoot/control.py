"""The control API under /sandbox/api, on loopback only. Errors are {"error": sentence}."""

from dataclasses import asdict
from functools import partial

from flask import Blueprint, Response, request

from sandbox.chatwoot import contact_actions
from sandbox.chatwoot.access import params, read_params, refuse_strangers, server
from sandbox.chatwoot.answers import Refusal, reply
from sandbox.chatwoot.fault_table import FAULT_TABLE
from sandbox.chatwoot.faults import KINDS, Fault
from sandbox.chatwoot.records import Inbox, Json, Message
from sandbox.chatwoot.seed import ACCOUNT_ID, ADMIN_TOKEN
from sandbox.chatwoot.server import Server
from sandbox.chatwoot.state import RowType, base58_token

#: How long an inbox that is being deleted answers 401, in seconds, at most.
_GOING_S = 0.3
#: How many ids of its cache a crashed PostgreSQL forgets, at most.
_JUMP = 33

routes = Blueprint("control", __name__, url_prefix="/sandbox/api")


@routes.before_request
def _only_from_here() -> None:
    refuse_strangers()
    read_params()


@routes.get("/hello")
def hello() -> Response:
    """What the wizard's "try it with the sandbox" fills in."""
    return reply(
        {
            "product": "sandbox-chatwoot",
            "base_url": server().base_url,
            "account_id": ACCOUNT_ID,
            "token": ADMIN_TOKEN,
            "version": server().state.options.version,
        }
    )


@routes.post("/reset")
def reset() -> Response:
    """Back to the seed: rows, options, faults and log."""
    server().reset()
    return reply({"reset": True})


@routes.get("/options")
def show_options() -> Response:
    return reply(server().state.options.as_json())


@routes.patch("/options")
def change_options() -> Response:
    """Change some of them, such as {"version": "4.2.0"}."""
    state = server().state
    with state.lock:
        try:
            state.options.change(params())
        except ValueError as error:
            raise Refusal(400, {"error": str(error)}) from None
        state.save_options()
    return reply(state.options.as_json())


@routes.patch("/accounts/<int:account_id>")
def change_account(account_id: int) -> Response:
    """Suspend an account, limit its inboxes, change its locale."""
    state, given = server().state, params()
    with state.lock:
        account = _found(state.accounts.get(account_id), "account")
        if "suspended" in given:
            account.status = "suspended" if given["suspended"] else "active"
        account.inbox_limit = int(given.get("inbox_limit", account.inbox_limit))
        account.locale = str(given.get("locale", account.locale))
        state.save(account)
    return reply(account.__dict__)


@routes.patch("/users/<int:user_id>")
def change_user(user_id: int) -> Response:
    """Change {"access_token"?, "roles"?}; roles are such as {"1": "agent"}, by account."""
    state, given = server().state, params()
    with state.lock:
        user = _found(state.users.get(user_id), "user")
        if "access_token" in given:
            state.set_token(user, str(given["access_token"]))
        if isinstance(given.get("roles"), dict):
            user.roles = {str(item): str(role) for item, role in given["roles"].items()}
        state.save(user)
        return reply({"id": user.id, "name": user.name, "roles": user.roles})


@routes.get("/faults")
def list_faults() -> Response:
    """The faults that are set, and the kinds and words there are."""
    return reply({"faults": server().faults.listed(), "kinds": KINDS, "words": [*FAULT_TABLE]})


@routes.post("/faults")
def post_fault() -> Response:
    """Set one fault: {"kind", "method"?, "path"?, "times"?, "seconds"?, "status"?, ...}, or by its
    word in the fault table: {"fault", "seconds"?, "times"?, "chance"?, "delay"?, "requests"?,
    "conversation"?, "containing"?, "agents"?, ...}. Some words are done at once."""
    try:
        fault, done = set_fault(server(), params())
    except ValueError as error:
        raise Refusal(400, {"error": str(error)}) from None
    return reply(asdict(fault) | done)


def set_fault(server: Server, wanted: Json) -> tuple[Fault, Json]:
    """Set a fault, or do what its word says: the fault, and what was done. Raises ValueError."""
    fault = server.faults.add(wanted)
    known = FAULT_TABLE.get(fault.kind)
    if known is None:
        return fault, {}
    if known.at_once:
        server.faults.clear(fault.id)
    if known.cuts:
        server.faults.interrupt()
        server.subscribers.cut_all()
    if known.deafens:
        server.subscribers.deaf = True
    with server.state.lock:
        return fault, _act(server, fault)


def _act(server: Server, fault: Fault) -> Json:
    state = server.state
    delay_s = state.options.deletion_s if fault.delay is None else fault.delay
    match fault.kind:
        case "web-killed" | "web-restarted":
            server.subscribers.deaf = False
        case "ids-jump":
            state.skip_ids(Message, _JUMP)
        case "redis-emptied":
            return {"jobs": server.jobs.empty()}
        case "token-reset":
            user = _found(state.users.get(fault.user_id), "user")
            state.set_token(user, base58_token())
            return {"token": user.access_token}
        case "inbox-deleted":
            inbox = _found(state.inboxes.get(fault.inbox_id), "inbox")
            server.later(delay_s, partial(_end_inbox, server, inbox, min(_GOING_S, delay_s)))
        case "contact-deleted":
            contact_actions.remove(server, _found(state.contacts.get(fault.contact_id), "contact"))
        case "conversation-deleted":
            conversation = _found(
                state.conversations.first(
                    account_id=fault.account_id, display_id=fault.conversation or 0
                ),
                "conversation",
            )
            server.later(delay_s, partial(state.remove_conversation, conversation))
    return {}


def _end_inbox(server: Server, inbox: Inbox, going_s: float) -> None:
    """401 for a moment, then the inbox is gone with everything in it."""

    def remove() -> None:
        server.being_deleted.discard(inbox.id)
        server.state.remove_inbox(inbox)

    server.being_deleted.add(inbox.id)
    server.later(going_s, remove)


def _found(row: RowType | None, what: str) -> RowType:
    if row is None:
        raise Refusal(404, {"error": f"no such {what}"})
    return row


@routes.delete("/faults")
@routes.delete("/faults/<int:fault_id>")
def clear_faults(fault_id: int | None = None) -> Response:
    server().faults.clear(fault_id)
    return reply({"faults": server().faults.listed()})


@routes.get("/requests")
def list_requests() -> Response:
    """The requests after `since`, oldest first, with counters since the last clearing."""
    since = request.args.get("since", 0, type=int)
    limit = request.args.get("limit", 20_000, type=int)
    return reply(server().log.since(since, limit))


@routes.delete("/requests")
def clear_requests() -> Response:
    server().log.clear()
    return reply({"cleared": True})


@routes.get("/cable")
def show_cable() -> Response:
    return reply({"connections": server().subscribers.listening()})


@routes.post("/cable/disconnect")
def disconnect_cable() -> Response:
    """Cut every websocket without a goodbye."""
    return reply({"disconnected": server().subscribers.cut_all()})
