"""The control API under `/sandbox/api`, without a token and on loopback only."""

import time
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, abort, request

from sandbox.kit.body import Body, Json
from sandbox.whatsapp import actions, chats, media
from sandbox.whatsapp.dialect import Event, GroupChanged
from sandbox.whatsapp.directory import GROUP_SUFFIX, PHONE_SUFFIX, Group, Person
from sandbox.whatsapp.phone import ACCOUNT_TOKEN, INSTANCE, INSTANCE_TOKEN, the_phone

routes = Blueprint("control", __name__, url_prefix="/sandbox/api")
files = Blueprint("files", __name__, url_prefix="/sandbox")
STATES = ("connected", "connecting", "disconnected", "logged_out")


@routes.errorhandler(ValueError)
def impossible(error: ValueError) -> tuple[Json, int]:
    return {"error": str(error)}, 400


def _body() -> Body:
    return Body.parse(request.get_data())


@routes.get("/hello")
def hello() -> Json:
    """Who answers here, and what a newcomer or a test needs to call the gateway."""
    return {
        "product": "sandbox-phone",
        "base_url": the_phone().base_url,
        "instance": INSTANCE,
        "token": INSTANCE_TOKEN,
        "account_token": ACCOUNT_TOKEN,
        "gateways": list(the_phone().dialects),
    }


@routes.post("/customer")
def customer() -> Any:
    return _act("customer")


@routes.post("/owner")
def owner() -> Any:
    return _act("owner")


def _act(who: str) -> Any:
    """One action, or a list of actions done one after the other."""
    phone, wanted = the_phone(), request.get_json()
    if not isinstance(wanted, list):
        return actions.shown(phone, actions.act(phone, who, Body(wanted)))
    return [actions.shown(phone, actions.act(phone, who, Body(each))) for each in wanted]


@routes.post("/receipts")
def receipts() -> Json:
    return {"ids": actions.receipts(the_phone(), _body())}


@routes.post("/state")
def state() -> Json:
    """Connect, disconnect or log out an instance."""
    phone, body = the_phone(), _body()
    wanted = body.text("state")
    if wanted not in STATES:
        raise ValueError(f"state must be one of {', '.join(STATES)}")
    instance = actions.chosen_instance(phone, body.text("instance"))
    changed = chats.set_state(phone, instance, wanted)
    return {"instance": changed.name, "state": changed.state, "number": changed.number}


@routes.get("/instances")
def instances() -> Json:
    phone = the_phone()
    return {
        "instances": [
            {"name": each.name, "token": each.token, "gateway": each.gateway,
             "number": each.number, "state": each.state,
             "webhooks": [{"label": label, "enabled": hook.enabled, "url": hook.url}
                          for label, hook in each.webhooks.items()],
             "sockets": len(phone.sockets.of(each.name))}
            for each in phone.instances.all()
        ]
    }  # fmt: skip


@routes.get("/contacts")
def contacts() -> Json:
    return {"contacts": [asdict(person) for person in the_phone().directory.people()]}


@routes.post("/contacts")
def save_contact() -> Json:
    """Add a person, or change name, LID or `registered` of one."""
    phone, body = the_phone(), _body()
    number = actions.address_of(body.text("number")).removesuffix(PHONE_SUFFIX)
    if not number.isdigit():
        raise ValueError("number is required")
    lid = body.text("lid") or None
    person = Person(number + PHONE_SUFFIX, body.text("name") or number, lid,
                    body.boolean("registered", True))  # fmt: skip
    phone.directory.save_person(person)
    phone.pulse.rise()
    return asdict(person)


@routes.post("/groups")
def save_group() -> Json:
    """Add a group or replace the one with that `jid`; `members` are numbers, JIDs or LIDs."""
    phone, body = the_phone(), _body()
    jid = body.text("jid") or f"120363{int(time.time() * 1000)}{GROUP_SUFFIX}"
    members = tuple(phone.directory.meet(each).jid for each in body.texts("members"))
    if not jid.endswith(GROUP_SUFFIX) or not members:
        raise ValueError("a group needs members and a jid that ends in @g.us")
    group = phone.directory.save_group(Group(jid, body.text("name") or "Group", members))
    phone.pulse.rise()
    return asdict(group)


@routes.post("/group-flow")
def group_flow() -> Json:
    """Tell of a change in a group: `type` in the gateway's word, `participants` as addresses."""
    phone, body = the_phone(), _body()
    instance = actions.chosen_instance(phone, body.text("instance"))
    group = actions.chosen_chat(phone, body.text("group"))
    people = [phone.directory.meet(each) for each in body.texts("participants")]
    if not isinstance(group, Group):
        raise ValueError("group must be the JID of a group")
    if body.text("name"):
        group = phone.directory.save_group(Group(group.jid, body.text("name"), group.members))
    change = GroupChanged(group, body.text("type", "joined"), people, time.time())
    with phone.acting() as emit:
        emit(instance, change, lane=group.jid)
    return {"group": group.jid, "type": change.change}


@routes.post("/events")
def raw_event() -> Json:
    """Send an event exactly as given: `event`, `data`, and a `lane` to keep it in order with."""
    phone, body = the_phone(), _body()
    instance = actions.chosen_instance(phone, body.text("instance"))
    event, data = body.text("event"), body.fields.get("data")
    known = phone.dialect_of(instance).events
    if event not in known or not isinstance(data, dict):
        raise ValueError(f"event must be one of {', '.join(known)}, data an object")
    with phone.acting() as emit:
        emit(instance, Event(event, data), lane=body.text("lane"))
    return {"event": event}


@routes.get("/messages")
def messages() -> Json:
    """What reached the pretend WhatsApp, in order: `chat`, `instance` and `after` (seq) narrow."""
    phone = the_phone()
    instance = actions.chosen_instance(phone, request.args.get("instance", ""))
    chat = request.args.get("chat")
    if chat:
        found = phone.directory.find(actions.address_of(chat))
        chat = found.jid if found else chat
    after = request.args.get("after", 0, type=int)
    found_messages = chats.listed(phone, instance.name, chat, after)
    return {"messages": [actions.shown(phone, message) for message in found_messages]}


@routes.get("/switches")
def switches() -> Json:
    return the_phone().all_switches()


@routes.post("/switches")
def change_switches() -> Json:
    the_phone().change_switches(_body().fields)
    return switches()


@routes.get("/faults")
def faults() -> Json:
    return {"faults": the_phone().faults.listed()}


@routes.post("/faults")
def add_fault() -> Json:
    return asdict(the_phone().faults.add(_body().fields))


@routes.delete("/faults")
@routes.delete("/faults/<int:fault_id>")
def clear_faults(fault_id: int | None = None) -> Json:
    the_phone().faults.clear(fault_id)
    return faults()


@routes.get("/requests")
def requests_made() -> Json:
    """Counters per route (without the instance), and the requests, oldest first."""
    log = the_phone().requests.since()
    counts = {**log["totals"]["by_route"], "total": log["totals"]["requests"]}
    return {"counts": counts, "requests": log["requests"]}


@routes.delete("/requests")
def clear_requests() -> Json:
    the_phone().requests.clear()
    return requests_made()


@routes.get("/deliveries")
def deliveries() -> Json:
    """The webhook queue: how many wait, and what became of the others."""
    return the_phone().deliveries.report()


@routes.post("/sockets/hang-up")
def hang_up() -> Json:
    """Close the open WebSockets, as a gateway that restarts does."""
    return {"closed": the_phone().sockets.hang_up(_body().text("instance") or None)}


@routes.post("/reset")
def reset() -> Json:
    """Back to the first day; `keep_instances` leaves tokens and webhooks."""
    body = _body()
    the_phone().reset(keep_instances=body.boolean("keep_instances"))
    return {"reset": True}


@files.get("/media/<media_id>")
def media_file(media_id: str) -> Response:
    """A stored file, unencrypted; shown in the browser only where that is harmless."""
    phone = the_phone()
    stored = media.load(phone.store, media_id)
    if stored is None:
        abort(404)
    answer = Response(media.body(phone.store, media_id), mimetype=stored.mime)
    harmless = stored.mime.startswith(("image/", "audio/", "video/")) and "svg" not in stored.mime
    answer.headers.set(
        "Content-Disposition", "inline" if harmless else "attachment",
        filename=stored.name or stored.id,
    )  # fmt: skip
    answer.headers["Cache-Control"] = "private, max-age=3600"
    return answer


@files.get("/pictures/<number>")
def picture(number: str) -> Response:
    """Everybody's profile picture."""
    shown = media.sample("image")
    return Response(shown.body, mimetype=shown.mime)
