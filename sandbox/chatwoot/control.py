"""The control API under /sandbox/api: what tests and the agent page steer the sandbox with.

Loopback only. Errors are {"error": sentence}.
"""

from dataclasses import asdict

from flask import Blueprint, Response, request

from sandbox.chatwoot.access import params, read_params, refuse_strangers, world
from sandbox.chatwoot.answers import Refusal, reply
from sandbox.chatwoot.fault_acts import set_fault
from sandbox.chatwoot.faults import KINDS, WORDS
from sandbox.chatwoot.seed import ACCOUNT_ID, ADMIN_TOKEN

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
            "base_url": world().base_url,
            "account_id": ACCOUNT_ID,
            "token": ADMIN_TOKEN,
            "version": world().state.options.version,
        }
    )


@routes.post("/reset")
def reset() -> Response:
    """Back to the seed: rows, options, faults and log."""
    world().reset()
    return reply({"reset": True})


@routes.get("/options")
def show_options() -> Response:
    """The installation's settings."""
    return reply(world().state.options.as_json())


@routes.patch("/options")
def change_options() -> Response:
    """Change some of them, such as {"version": "4.2.0"}."""
    state = world().state
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
    state = world().state
    given = params()
    with state.lock:
        account = state.accounts.get(account_id)
        if account is None:
            raise Refusal(404, {"error": "no such account"})
        if "suspended" in given:
            account.status = "suspended" if given["suspended"] else "active"
        account.inbox_limit = int(given.get("inbox_limit", account.inbox_limit))
        account.locale = str(given.get("locale", account.locale))
        state.save(account)
    return reply(account.__dict__)


@routes.patch("/users/<int:user_id>")
def change_user(user_id: int) -> Response:
    """Another token (the old one is revoked), other roles: {"access_token"?, "roles"?}.

    Roles map account ids to "administrator" or "agent", such as {"1": "agent"}.
    """
    state = world().state
    given = params()
    with state.lock:
        user = state.users.get(user_id)
        if user is None:
            raise Refusal(404, {"error": "no such user"})
        if "access_token" in given:
            state.set_token(user, str(given["access_token"]))
        if isinstance(given.get("roles"), dict):
            user.roles = {str(one): str(role) for one, role in given["roles"].items()}
        state.save(user)
        return reply({"id": user.id, "name": user.name, "roles": user.roles})


@routes.get("/faults")
def list_faults() -> Response:
    """The faults that are set, and the kinds and words there are."""
    return reply({"faults": world().faults.listed(), "kinds": KINDS, "words": WORDS})


@routes.post("/faults")
def post_fault() -> Response:
    """Set one fault: {"kind", "method"?, "path"?, "times"?, "seconds"?, "status"?, ...}, or by its
    word in the fault table: {"fault", "seconds"?, "times"?, "chance"?, "delay"?, "requests"?,
    "conversation"?, "containing"?, "agents"?, ...}. Some words are done at once."""
    try:
        fault, done = set_fault(world(), params())
    except ValueError as error:
        raise Refusal(400, {"error": str(error)}) from None
    return reply(asdict(fault) | done)


@routes.delete("/faults")
def clear_faults() -> Response:
    """Remove all faults."""
    world().faults.clear()
    return reply({"faults": []})


@routes.delete("/faults/<int:fault_id>")
def clear_fault(fault_id: int) -> Response:
    """Remove one fault."""
    world().faults.clear(fault_id)
    return reply({"faults": world().faults.listed()})


@routes.get("/requests")
def list_requests() -> Response:
    """The requests after `since`, oldest first, with counters since the last clearing."""
    since = request.args.get("since", 0, type=int)
    limit = request.args.get("limit", 20_000, type=int)
    return reply(world().log.since(since, limit))


@routes.delete("/requests")
def clear_requests() -> Response:
    """Forget requests and counters."""
    world().log.clear()
    return reply({"cleared": True})


@routes.get("/cable")
def show_cable() -> Response:
    """Who listens on the websocket."""
    return reply({"connections": world().hub.listening()})


@routes.post("/cable/disconnect")
def disconnect_cable() -> Response:
    """Cut every websocket without a goodbye."""
    return reply({"disconnected": world().hub.cut_all()})
