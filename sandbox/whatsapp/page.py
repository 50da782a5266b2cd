"""The page: a phone in the browser, held by a customer or by the owner of the number.

Everything works with links and forms; `static/sandbox-phone.js` only saves reloads.
"""

import time
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from sandbox.kit.body import Body
from sandbox.kit.markup import whatsapp
from sandbox.whatsapp import actions, chats, media, screens
from sandbox.whatsapp.chats import Chat
from sandbox.whatsapp.directory import PHONE_SUFFIX, Group, Person
from sandbox.whatsapp.instances import Instance
from sandbox.whatsapp.phone import the_phone

routes = Blueprint("page", __name__)

routes.add_app_template_filter(whatsapp, "marked")

REACTIONS = ("👍", "❤️", "😂", "😮", "🙏")
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "fail": ("The next send fails with 500", {"kind": "status", "status": 500}),
    "limit": ("The next send is rate limited (429)", {"kind": "status", "status": 429}),
    "drop": ("The next send arrives, but the answer is lost", {"kind": "drop_after"}),
    "lose": ("The next send is accepted, but never arrives", {"kind": "no_echo"}),
    "double": ("The next event is delivered twice", {"kind": "webhook_double"}),
}


class View:
    """Who looks at what: the context that every link and form of the page carries on."""

    def __init__(self) -> None:
        self.phone = the_phone()
        self.beat = self.phone.pulse.beat
        self.who = "owner" if request.values.get("as") == "owner" else "customer"
        self.instance: Instance = actions.chosen_instance(
            self.phone, request.values.get("instance", "")
        )

    def link(self, endpoint: str, **values: Any) -> str:
        """The address of a page with this context in it."""
        context = {"as": self.who} | (
            {"instance": self.instance.name} if len(self.phone.instances.all()) > 1 else {}
        )
        return url_for(f"page.{endpoint}", **(context | values))

    def chat(self, jid: str) -> Chat:
        """The chat in the address; ValueError when there is none (any more)."""
        found = self.phone.directory.find(jid)
        if found is None:
            raise ValueError(f"There is no chat {jid}")
        return found

    def holder(self, chat: Chat) -> str:
        """The JID of the person who holds the phone in this chat."""
        if self.who == "owner":
            return self.instance.jid
        if isinstance(chat, Person):
            return chat.jid
        chosen = request.values.get("sender", "")
        return chosen if chosen in chat.members else chat.members[0]

    def page(self, template: str, status: int = 200, **values: Any) -> tuple[str, int]:
        body = render_template(
            f"sandbox/{template}",
            view=self,
            instances=self.phone.instances.all(),
            faults=FAULTS,
            fault_count=len(self.phone.faults.listed()),
            queue=self.phone.deliveries.report(),
            **values,
        )
        return body, status


@routes.errorhandler(ValueError)
def impossible(error: ValueError) -> tuple[str, int]:
    if not the_phone().instances.all():
        return "The last instance has been deleted; a gateway's API can make another one.", 404
    return View().page("phone_problem.html", 404, problem=str(error))


@routes.get("/")
def chat_list() -> tuple[str, int]:
    view = View()
    rows = screens.chat_rows(view.phone, view.instance, view.who)
    part = "_rows" if request.args.get("part") else ""
    return view.page(f"phone_chats{part}.html", rows=rows)


@routes.get("/chat/<jid>")
def thread(jid: str) -> tuple[str, int]:
    view = View()
    chat = view.chat(jid)
    if view.phone.switches.read_on_open and request.args.get("hidden") is None:
        _read(view, chat)
    return _thread(view, chat)


def _read(view: View, chat: Chat) -> None:
    """Whoever opens the thread has read it."""
    if view.who == "owner":
        chats.seen_by_owner(view.phone, view.instance, chat, None, tell=True)
        return
    by = view.phone.directory.person(view.holder(chat))
    chats.receipt(view.phone, view.instance, chat, "read", None, by)


def _thread(view: View, chat: Chat, *, problem: str = "", typed: str = "") -> tuple[str, int]:
    limit = request.args.get("limit", screens.SHOWN, type=int)
    holder = view.holder(chat)
    bubbles, earlier = screens.thread(
        view.phone, view.instance, chat, view.who, holder, max(1, limit)
    )
    answering = chats.find(view.phone, view.instance.name, request.values.get("reply", ""))
    editing = chats.find(view.phone, view.instance.name, request.values.get("edit", ""))
    members = [
        person
        for jid in (chat.members if isinstance(chat, Group) else ())
        if (person := view.phone.directory.person(jid))
    ]
    doing, until = view.phone.typing.get((view.instance.name, chat.jid), ("", 0.0))
    part = "_bubbles" if request.args.get("part") else ""
    return view.page(
        f"phone_thread{part}.html",
        422 if problem else 200,
        chat=chat,
        is_group=isinstance(chat, Group),
        colour=screens.colour_of(chat.jid),
        members=members,
        holder=holder,
        me={"sender": holder} if members and view.who == "customer" else {},
        bubbles=bubbles,
        earlier=earlier,
        limit=limit,
        answering=answering,
        answering_preview=screens.preview(answering) if answering else "",
        editing=editing,
        typed=typed or (editing.text if editing else ""),
        problem=problem,
        doing=doing if until > time.time() else "",
        subtitle=number_of(chat),
        reactions=REACTIONS,
    )


@routes.post("/chat/<jid>")
def act(jid: str) -> tuple[str, int] | Answer:
    view = View()
    chat = view.chat(jid)
    try:
        body, file = _form(view, chat)
        actions.act(view.phone, view.who, body, file)
    except ValueError as error:
        return _thread(view, chat, problem=str(error), typed=request.form.get("text", ""))
    context = {"sender": view.holder(chat)} if isinstance(chat, Group) else {}
    return redirect(view.link("thread", jid=jid, **context) + "#end", 303)


def _form(view: View, chat: Chat) -> tuple[Body, media.File | None]:
    """The form as the fields of `actions.act`."""
    fields: dict[str, Any] = {
        name: value.replace("\r\n", "\n").strip()
        for name, value in request.form.items()
        if value.strip() and name != "name"
    }
    kind = fields.setdefault("kind", "text")
    fields |= {"chat": chat.jid, "instance": view.instance.name, "sender": view.holder(chat)}
    for name in ("latitude", "longitude"):
        if name in fields:
            try:
                fields[name] = float(fields[name])
            except ValueError:
                raise ValueError(f"{name.capitalize()} must be a number") from None
    if kind == "poll":
        fields["options"] = [line.strip() for line in fields.get("options", "").splitlines()]
    upload, file = request.files.get("file"), None
    if upload and upload.filename:
        mime = upload.mimetype or ""
        file = media.bounded(media.File(upload.read(), mime, upload.filename))
        family = mime.partition("/")[0]
        if kind == "file":
            fields["kind"] = family if family in ("image", "video", "audio") else "document"
    elif kind == "file":
        raise ValueError("Choose a file to send")
    if kind == "text" and "text" not in fields:
        raise ValueError("Write a message first")
    return Body(fields), file


@routes.post("/chats")
def new_chat() -> Answer:
    """A customer with a number that has not written before."""
    view = View()
    address = actions.address_of(request.form.get("number", ""))
    person = view.phone.directory.meet(address, request.form.get("name", "").strip())
    return redirect(view.link("thread", jid=person.jid), 303)


@routes.post("/state")
def state() -> Answer:
    view = View()
    wanted = "connected" if request.form.get("state") == "connected" else "disconnected"
    if wanted != view.instance.state:
        chats.set_state(view.phone, view.instance, wanted)
    return redirect(view.link("chat_list"), 303)


@routes.post("/faults")
def fault() -> Answer:
    """Put one of the ready-made faults in force, or end them all."""
    view = View()
    _, rule = FAULTS.get(request.form.get("fault", ""), ("", None))
    if rule is None:
        view.phone.faults.clear()
    else:
        sends = view.phone.dialect_of(view.instance).sends
        view.phone.faults.add(rule if "webhook" in rule["kind"] else rule | {"path": sends})
    view.phone.pulse.rise()
    return redirect(view.link("chat_list"), 303)


@routes.get("/stream")
def stream() -> Response:
    """Server-sent events: a number that changes when there is something new to see."""
    pulse = the_phone().pulse
    first = request.args.get("seen", 0, type=int)

    def beats() -> Iterator[str]:
        seen = first
        while True:
            beat = pulse.wait(seen, 15.0)
            yield f"data: {beat}\n\n" if beat != seen else ": still here\n\n"
            seen = beat

    return Response(beats(), mimetype="text/event-stream")


def number_of(chat: Chat) -> str:
    """A person's number as people write it, or what a group is."""
    if isinstance(chat, Group):
        return f"Group, {len(chat.members)} people"
    return "+" + chat.jid.removesuffix(PHONE_SUFFIX)
