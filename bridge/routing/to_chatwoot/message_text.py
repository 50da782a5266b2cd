"""What the agent reads of a message that came from WhatsApp: one text for every kind."""

from collections.abc import Callable
from datetime import UTC, datetime

from bridge import markup
from bridge.domain.messages import MEDIA, Address, ContactCard, Kind, Message, RichContent, RichKind
from bridge.domain.texts import clean
from bridge.gateways import jids
from bridge.routing.to_chatwoot.phrases import phrase

_MOST_QUOTED = 600
_NOTES = {
    RichKind.ORDER: "order",
    RichKind.PRODUCT: "product",
    RichKind.INVOICE: "invoice",
    RichKind.INVITATION: "invitation",
    RichKind.EVENT: "event",
}


def text(message: Message, language: str, *, called: Callable[[Address], str]) -> str:
    """The text of a message in Chatwoot's Markdown, empty only beside a file.

    Names, places, options and the like are no markup: they are shown as they are written. `called`
    gives the name of a person that the message does not name itself.
    """
    written = _written(message, called)
    parts = [_own(message, language, written), *_layout(message, language), _advert(message)]
    said = "\n".join(filter(None, parts))
    if message.kind not in MEDIA and not said.strip():
        said = phrase(language, "unknown", label=message.label or message.kind)
    if message.forwarded:
        said = f"{phrase(language, 'forwarded')}\n{said}".rstrip()
    return said


def quote(words: str) -> str:
    """The words of another message, as they stand above an answer to it."""
    return quote_shown(markup.to_chatwoot(_shortened(clean(words).strip())))


def quote_shown(written: str) -> str:
    """The same of what is Markdown already."""
    lines = _shortened(written.strip()).split("\n")
    return "\n".join(f"> {line}".rstrip() for line in lines) if written.strip() else ""


def heading(name: str) -> str:
    """A name that can stand between marks."""
    return markup.plain(name)


def _shortened(words: str) -> str:
    return words if len(words) <= _MOST_QUOTED else words[:_MOST_QUOTED].rstrip() + "…"


def number_of(address: Address) -> str:
    """A person without a name: the number, or the LID as it is, since that is none."""
    phone = jids.phone(address.jid)
    return f"+{phone}" if phone else address.lid.partition("@")[0]


def _written(message: Message, called: Callable[[Address], str]) -> str:
    """What a person wrote, with names for the digits of those who are mentioned in it."""
    words = clean(message.text)
    names = {
        f"@{form.partition('@')[0]}": one
        for one in message.mentions
        for form in (one.jid, one.lid)
        if form
    }
    # The longest first: a number may be the beginning of another.
    for digits in sorted(names, key=len, reverse=True):
        if digits in words:
            words = words.replace(digits, f"@{called(names[digits])}")
    return markup.to_chatwoot(words)


def _own(message: Message, language: str, written: str) -> str:
    """The kind's own form of the words."""
    match message.kind:
        case Kind.EDIT:
            return phrase(language, "edited", text=written)
        case Kind.REACTION:
            return clean(message.text) or phrase(language, "unreacted")
        case Kind.VOTE:
            picked = markup.literal(clean(message.text))
            return (
                phrase(language, "vote", options=picked) if picked else phrase(language, "unvoted")
            )
        case Kind.CHOICE:
            return markup.literal(clean(message.text))
        case Kind.CALL:
            return phrase(
                language, "missed_video_call" if message.label == "video" else "missed_call"
            )
        case Kind.LOCATION if message.location is not None:
            place = message.location
            title = markup.literal(", ".join(filter(None, [place.name, place.address])))
            link = f"https://www.google.com/maps?q={place.latitude},{place.longitude}"
            head = phrase(language, "live_location" if place.live else "location", name=title)
            return "\n".join(filter(None, [head.rstrip(), link, written]))
        case Kind.CONTACT:
            cards = "\n\n".join(_card(card, language) for card in message.cards)
            return "\n\n".join(filter(None, [cards, written]))
        case Kind.POLL:
            title = markup.literal(clean(message.text))
            lines = [phrase(language, "poll", title=title), *map(_row, message.options)]
            return "\n".join(lines)
        case Kind.UNKNOWN if written:
            label = phrase(language, "unknown", label=message.label or "?")
            return f"{label}\n{written}"
    return written


def _row(option: str) -> str:
    return f"- {markup.literal(clean(option))}"


def _card(card: ContactCard, language: str) -> str:
    lines = [phrase(language, "card", name=markup.literal(card.name))]
    lines += [markup.literal(one) for one in (*card.phones, card.organization, card.email) if one]
    return "\n".join(lines)


def _layout(message: Message, language: str) -> list[str]:
    layout = message.rich
    if layout is None:
        return []
    lines = [_heading(layout, language)]
    if layout.begins_at:
        lines.append(f"{datetime.fromtimestamp(layout.begins_at, UTC):%Y-%m-%d %H:%M} UTC")
    lines += [markup.literal(layout.place), markup.to_chatwoot(clean(layout.body))]
    lines += [_row(f"{row.text}: {row.more}" if row.more else row.text) for row in layout.rows]
    lines += [markup.literal(layout.footer), layout.link]
    return [line for line in lines if line.strip()]


def _heading(layout: RichContent, language: str) -> str:
    """What it is, what it is called, and what it costs."""
    title = markup.literal(layout.title)
    if layout.kind is RichKind.TEMPLATE:
        return title
    count = phrase(language, "items", count=layout.count) if layout.count else ""
    off = phrase(language, "called_off") if layout.is_off else ""
    told = ", ".join(filter(None, [title, count, markup.literal(layout.amount), off]))
    return phrase(language, _NOTES[layout.kind], told=told).rstrip(" :")


def _advert(message: Message) -> str:
    advert = message.advert
    if advert is None:
        return ""
    head = markup.literal(advert.title)
    lines = [f"📣 {head}".rstrip(), markup.literal(advert.text), advert.url]
    return "\n".join(filter(None, lines))
