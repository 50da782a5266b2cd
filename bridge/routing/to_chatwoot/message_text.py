"""What the agent reads of a message that came from WhatsApp: one text for every kind."""

from collections.abc import Callable
from datetime import UTC, datetime

from bridge import markup
from bridge.domain.messages import MEDIA, Address, ContactCard, Kind, Message, RichContent, RichKind
from bridge.domain.texts import clean
from bridge.gateways import jids
from bridge.routing.to_chatwoot.phrases import phrase

_MOST_QUOTED = 600


def text(message: Message, language: str, *, name_of: Callable[[Address], str]) -> str:
    """The text of a message in Chatwoot's Markdown, empty only beside a file.

    Names, places, options and the like are no markup: they are shown as they are written. `name_of`
    gives the name of a person that the message does not name itself.
    """
    written = _written(message, name_of)
    parts = [_own(message, language, written), *_rich(message, language), _advert(message)]
    shown = _lines(*parts)
    if message.kind not in MEDIA and not shown.strip():
        shown = phrase(language, "unknown", label=message.label or message.kind)
    if message.forwarded:
        shown = f"{phrase(language, 'forwarded')}\n{shown}".rstrip()
    return shown


def quote(text: str) -> str:
    """The Markdown of another message, as it stands above an answer to it."""
    lines = shortened(text).split("\n")
    return "\n".join(f"> {line}".rstrip() for line in lines) if text.strip() else ""


def shortened(text: str) -> str:
    """As much of a text as is quoted."""
    text = text.strip()
    return text if len(text) <= _MOST_QUOTED else text[:_MOST_QUOTED].rstrip() + "…"


def _lines(*lines: str) -> str:
    """Those that are not empty, one below the other."""
    return "\n".join(filter(None, lines))


def number_of(address: Address) -> str:
    """A person without a name: the number, or the LID as it is, since that is none."""
    phone = jids.phone(address.jid)
    return f"+{phone}" if phone else address.lid.partition("@")[0]


def _written(message: Message, name_of: Callable[[Address], str]) -> str:
    """What a person wrote, with names for the digits of those who are mentioned in it."""
    words = clean(message.text)
    names = {
        f"@{form.partition('@')[0]}": person
        for person in message.mentions
        for form in (person.jid, person.lid)
        if form
    }
    # The longest first: a number may be the beginning of another.
    for digits in sorted(names, key=len, reverse=True):
        if digits in words:
            words = words.replace(digits, f"@{name_of(names[digits])}")
    return markup.to_chatwoot(words)


def _own(message: Message, language: str, written: str) -> str:
    """The kind's own form of the words."""
    literal = markup.literal(clean(message.text))
    match message.kind:
        case Kind.EDIT:
            return phrase(language, "edited", text=written)
        case Kind.REACTION:
            return clean(message.text) or phrase(language, "unreacted")
        case Kind.VOTE:
            return phrase(language, "vote" if literal else "unvoted", options=literal)
        case Kind.CHOICE:
            return literal
        case Kind.CALL:
            is_video = message.label == "video"
            return phrase(language, "missed_video_call" if is_video else "missed_call")
        case Kind.LOCATION if message.location is not None:
            place = message.location
            title = markup.literal(", ".join(filter(None, [place.name, place.address])))
            link = f"https://www.google.com/maps?q={place.latitude},{place.longitude}"
            head = phrase(language, "live_location" if place.live else "location", name=title)
            return _lines(head.rstrip(), link, written)
        case Kind.CONTACT:
            cards = "\n\n".join(_card(card, language) for card in message.cards)
            return "\n\n".join(filter(None, [cards, written]))
        case Kind.POLL:
            return _lines(phrase(language, "poll", title=literal), *map(_row, message.options))
        case Kind.UNKNOWN if written:
            return _lines(phrase(language, "unknown", label=message.label or "?"), written)
    return written


def _row(option: str) -> str:
    return f"- {markup.literal(clean(option))}"


def _card(card: ContactCard, language: str) -> str:
    head = phrase(language, "card", name=markup.literal(card.name))
    return _lines(head, *map(markup.literal, [*card.phones, card.organization, card.email]))


def _rich(message: Message, language: str) -> list[str]:
    rich = message.rich
    if rich is None:
        return []
    lines = [_heading(rich, language)]
    if rich.begins_at:
        lines.append(f"{datetime.fromtimestamp(rich.begins_at, UTC):%Y-%m-%d %H:%M} UTC")
    lines += [markup.literal(rich.place), markup.to_chatwoot(clean(rich.body))]
    lines += [_row(f"{row.text}: {row.more}" if row.more else row.text) for row in rich.rows]
    lines += [markup.literal(rich.footer), rich.link]
    return [line for line in lines if line.strip()]


def _heading(rich: RichContent, language: str) -> str:
    """What it is, what it is called, and what it costs."""
    title = markup.literal(rich.title)
    if rich.kind is RichKind.TEMPLATE:
        return title
    count = phrase(language, "items", count=rich.count) if rich.count else ""
    off = phrase(language, "called_off") if rich.is_off else ""
    details = ", ".join(filter(None, [title, count, markup.literal(rich.amount), off]))
    return phrase(language, rich.kind, details=details).rstrip(" :")


def _advert(message: Message) -> str:
    advert = message.advert
    if advert is None:
        return ""
    head = f"📣 {markup.literal(advert.title)}".rstrip()
    return _lines(head, markup.literal(advert.text), advert.url)
