"""Where messages are, those that need a person, and who changed what. Decisions are made by
`bridge.operations.messages`, which the command line calls too.
"""

from dataclasses import dataclass
from itertools import groupby

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from bridge.activation import instances
from bridge.domain.errors import N_
from bridge.domain.models import Instance
from bridge.operations import messages as console
from bridge.routing.from_chatwoot import webhook_address
from bridge.store.journal import State
from bridge.store.search import Item
from bridge.web import forms, session
from bridge.web.i18n import gettext, ngettext
from bridge.web.pages import Trouble, operator, services
from bridge.web.paths import local_path, row_id

blueprint = Blueprint("console", __name__)

#: Lines of the audit trail on one page, and messages that wait on theirs.
LINES, WAITING = 50, 50
#: What the trail says, here for the catalogs; the rooms below note it in these words.
DEEDS = (
    N_("made the instance"),
    N_("set the gateway"),
    N_("activated"),
    N_("deactivated"),
    N_("deleted the instance"),
    N_("paused"),
    N_("resumed"),
    N_("found it well again"),
    webhook_address.PUT,
    webhook_address.TAKEN_OFF,
    webhook_address.PROVEN,
    N_("took over a new webhook secret"),
    N_("replayed"),
    N_("discarded"),
    N_("settled as sent"),
    N_("sent again"),
    N_("signed in"),
    N_("was refused at the sign-in"),
    N_("ended the other sessions"),
    N_("rotated the key"),
    N_("rotated the account token"),
    N_("rotated the token"),
    N_("restored a backup"),
)
_PAUSING = {"pause": console.pause, "resume": console.resume}


@dataclass(frozen=True, slots=True)
class Held:
    """A message that needs a person, and why in plain words."""

    item: Item
    trouble: Trouble | None

    @classmethod
    def of(cls, item: Item) -> "Held":
        """With what its last try met."""
        return cls(item, Trouble.of(item.error) if item.error else None)


def register(app: Flask) -> None:
    """Adds the pages, and what their navigation and tables say."""
    # Asked for by the navigation only where somebody is signed in.
    app.context_processor(lambda: {"held_count": _held_count})
    app.jinja_env.filters["trouble"] = Trouble.of
    app.register_blueprint(blueprint)


def _held_count() -> int:
    return sum(one.dead + one.unconfirmed for one in services().stats.all())


# -- where a message is ----------------------------------------------------------------------------


@blueprint.get("/messages")
def messages() -> str:
    """The search, and what it found."""
    text = request.args.get("q", "").strip()[:200]
    return render_template(
        "console/messages.html",
        text=text,
        found=console.find(text, services()),
        most=console.MOST_FOUND,
        with_contents=services().settings.show_contents,
    )


@blueprint.get("/messages/<int:number>")
def message(number: int) -> str:
    """The way of one message, moment by moment."""
    return render_template(
        "console/message.html", way=console.trace(number, services()), form=forms.ActionForm()
    )


# -- those that need a person ----------------------------------------------------------------------


@blueprint.get("/waiting")
def waiting() -> str:
    """Dead letters and unconfirmed sends by instance, and what waits for its turn."""
    wanted = request.args.get("instance", "")
    only = instances.find(wanted, services()) if wanted else None
    held = [Held.of(one) for one in console.in_trouble(services(), only)]
    held.sort(key=lambda one: (one.item.instance, -one.item.id))
    return render_template(
        "console/waiting.html",
        only=only,
        dead=_by_instance(held, State.DEAD),
        unconfirmed=[one for one in held if one.item.state is State.UNCONFIRMED],
        waiting=[Held.of(one) for one in console.in_line(services(), only, limit=WAITING)],
        form=forms.ActionForm(),
    )


def _by_instance(held: list[Held], state: State) -> list[tuple[str, list[Held]]]:
    those = [one for one in held if one.item.state is state]
    return [(name, list(group)) for name, group in groupby(those, lambda one: one.item.instance)]


@blueprint.post("/messages/<int:number>/replay")
def replay(number: int) -> Response:
    """A dead letter is tried again."""
    console.replay(number, operator(), services())
    flash(gettext("Message {number} is retried.").format(number=number))
    return _back(number)


@blueprint.route("/messages/<int:number>/discard", methods=["GET", "POST"])
def discard(number: int) -> Response | str:
    """A message is given up for good, after a confirmation."""
    if request.method == "POST":
        console.discard(number, operator(), services())
        flash(gettext("Message {number} was discarded.").format(number=number))
        return redirect(url_for("console.waiting"), 303)
    way = console.trace(number, services())
    return render_template(
        "console/discard.html", item=way.item, link=way.link, form=forms.ActionForm()
    )


@blueprint.post("/messages/<int:number>/settle")
def settle(number: int) -> Response:
    """A person knows whether an unconfirmed message was sent."""
    said = request.form.get("sent")
    if said not in {"yes", "no"}:
        abort(400)
    console.settle(number, sent=said == "yes", by=operator(), services=services())
    words = (
        gettext("Message {number} counts as sent.")
        if said == "yes"
        else gettext("Message {number} is sent again.")
    )
    flash(words.format(number=number))
    return _back(number)


@blueprint.post("/instances/<name>/replay")
def replay_all(name: str) -> Response:
    """Every dead letter of an instance is tried again."""
    count = console.replay_all(instances.find(name, services()), operator(), services())
    said = ngettext("One message is retried.", "{count} messages are retried.", count)
    flash(said.format(count=count))
    return redirect(local_path(request.form.get("back")), 303)


@blueprint.post("/instances/<name>/<any(pause, resume):deed>")
def pause(name: str, deed: str) -> Response:
    """Holds an integration, or lets it go on."""
    found: Instance = instances.find(name, services())
    _PAUSING[deed](found, operator(), services())
    said = gettext("{name} is paused.") if deed == "pause" else gettext("{name} goes on.")
    flash(said.format(name=name))
    return redirect(local_path(request.form.get("back")), 303)


def _back(number: int) -> Response:
    """To the list if the button was there, else to the message."""
    target = local_path(request.form.get("back"), url_for("console.message", number=number))
    return redirect(target, 303)


# -- who changed what ------------------------------------------------------------------------------


@blueprint.get("/audit")
def audit() -> str:
    """The trail, newest first; older lines by the page."""
    before = row_id(request.args.get("before"))
    deeds = services().audit.latest(limit=LINES + 1, before_id=before)
    here = session.current()
    return render_template(
        "console/audit.html",
        deeds=deeds[:LINES],
        has_older=len(deeds) > LINES,
        before=before,
        sessions=session.signed_in_now(),
        here=here.hash if here else "",
        form=forms.ActionForm(),
    )
