"""The pages of messages, of those that need a person, and of the audit trail. Decisions are made by
`bridge.operations.messages`, which the command line calls too.
"""

from flask import Blueprint, Flask, abort, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from bridge.activation import instances
from bridge.operations import messages
from bridge.store.journal import State
from bridge.web import session
from bridge.web.forms import draw
from bridge.web.i18n import gettext, ngettext
from bridge.web.pages import Trouble, operator, services
from bridge.web.paths import local_path, row_id

blueprint = Blueprint("console", __name__)

#: Lines of the audit trail on one page, and messages that wait on theirs.
LINES, WAITING = 50, 50
_PAUSING = {"pause": messages.pause, "resume": messages.resume}


def register(app: Flask) -> None:
    """Adds the pages, and what their navigation and tables say."""
    # Called by the navigation only where the operator is signed in.
    app.context_processor(lambda: {"held_count": _held_count})
    app.jinja_env.filters["trouble"] = Trouble.of
    app.register_blueprint(blueprint)


def _held_count() -> int:
    return sum(stats.dead + stats.unconfirmed for stats in services().stats.all())


# -- where a message is ----------------------------------------------------------------------------


@blueprint.get("/messages")
def search() -> Response:
    text = request.args.get("q", "").strip()[:200]
    return draw(
        "console/messages.html",
        text=text,
        found=messages.find(text, services()),
        most=messages.MOST_FOUND,
        with_contents=services().settings.show_contents,
    )


@blueprint.get("/messages/<int:number>")
def message(number: int) -> Response:
    return draw("console/message.html", way=messages.trace(number, services()))


# -- those that need a person ----------------------------------------------------------------------


@blueprint.get("/waiting")
def waiting() -> Response:
    """Dead letters and unconfirmed sends by instance, and what is queued."""
    wanted = request.args.get("instance", "")
    only = instances.find(wanted, services()) if wanted else None
    troubled = messages.in_trouble(services(), only)
    troubled.sort(key=lambda item: (item.instance, -item.id))
    return draw(
        "console/waiting.html",
        only=only,
        dead=[item for item in troubled if item.state is State.DEAD],
        unconfirmed=[item for item in troubled if item.state is State.UNCONFIRMED],
        waiting=messages.in_line(services(), only, limit=WAITING),
    )


@blueprint.post("/messages/<int:number>/replay")
def replay(number: int) -> Response:
    messages.replay(number, operator(), services())
    flash(gettext("Message {number} is retried.").format(number=number))
    return _back(number)


@blueprint.route("/messages/<int:number>/discard", methods=["GET", "POST"])
def discard(number: int) -> Response:
    """Gives a message up for good, after a confirmation."""
    if request.method == "POST":
        messages.discard(number, operator(), services())
        flash(gettext("Message {number} was discarded.").format(number=number))
        return redirect(url_for("console.waiting"), 303)
    return draw("console/discard.html", item=messages.trace(number, services()).item)


@blueprint.post("/messages/<int:number>/settle")
def settle(number: int) -> Response:
    sent = request.form.get("sent")
    if sent not in {"yes", "no"}:
        abort(400)
    messages.settle(number, sent=sent == "yes", by=operator(), services=services())
    words = (
        gettext("Message {number} counts as sent.")
        if sent == "yes"
        else gettext("Message {number} is sent again.")
    )
    flash(words.format(number=number))
    return _back(number)


@blueprint.post("/instances/<name>/replay")
def replay_all(name: str) -> Response:
    """Retries every dead letter of an instance."""
    count = messages.replay_all(instances.find(name, services()), operator(), services())
    words = ngettext("One message is retried.", "{count} messages are retried.", count)
    flash(words.format(count=count))
    return redirect(local_path(request.form.get("back")), 303)


@blueprint.post("/instances/<name>/<any(pause, resume):action>")
def pause(name: str, action: str) -> Response:
    """Holds an integration, or lets it go on."""
    _PAUSING[action](instances.find(name, services()), operator(), services())
    words = gettext("{name} is paused.") if action == "pause" else gettext("{name} is resumed.")
    flash(words.format(name=name))
    return redirect(local_path(request.form.get("back")), 303)


def _back(number: int) -> Response:
    """To the list if the button was there, else to the message."""
    target = local_path(request.form.get("back"), url_for("console.message", number=number))
    return redirect(target, 303)


# -- who changed what ------------------------------------------------------------------------------


@blueprint.get("/audit")
def audit() -> Response:
    """The trail, newest first; older lines by the page."""
    before = row_id(request.args.get("before"))
    entries = services().audit.latest(limit=LINES + 1, before_id=before)
    here = session.current()
    return draw(
        "console/audit.html",
        entries=entries[:LINES],
        has_older=len(entries) > LINES,
        before=before,
        sessions=session.signed_in_now(),
        here=here.hash if here else "",
    )
