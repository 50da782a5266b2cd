"""Words that a message lays out: templates, buttons, lists, orders, products, invoices, invitations
and events. Pure, and total.

The names of the fields are WhatsApp's own, which gateways pass on; one that renames them does it in
this style (docs/contracts/ryzeapi.md, Events).
"""

import json
import re

from bridge.domain.messages import RichContent, RichKind, RichRow
from bridge.gateways.fields import Fields, clean, moment, number

_MOST_ROWS = 60
_CODE = re.compile(r"[A-Za-z0-9_-]{8,64}")
_LINK = re.compile(r"https?://\S+")
_TITLES = ("title", "hydratedTitleText", "headerText", "header", "subtitle")
_BODIES = ("body", "contentText", "hydratedContentText", "description", "text", "content")
_FOOTERS = ("footer", "footerText", "hydratedFooterText")
_OFFERS = (
    "interactive",
    "interactiveMessage",
    "template",
    "templateMessage",
    "hydratedTemplate",
    "hydratedFourRowTemplate",
    "interactiveMessageTemplate",
    "buttons",
    "buttonsMessage",
    "list",
    "listMessage",
    "highlyStructuredMessage",
)


def of(flat: Fields, *, now: float) -> tuple[RichContent, str] | None:
    """What a message lays out, and what its sender wrote to it; None without any."""
    for read in (_order, _product, _invoice, _invitation, _event, _offer):
        found = read(flat, now)
        if found is not None:
            return found
    return None


def _order(flat: Fields, now: float) -> tuple[RichContent, str] | None:
    part = flat.part("order", "orderMessage")
    if not part:
        return None
    items = [Fields(one) for one in part.items("items", "products")[:_MOST_ROWS]]
    rows = [RichRow(one.text("name", "title"), _times(one)) for one in items]
    count = number(part.get("itemCount", "count", "quantity")) or len(rows)
    layout = RichContent(
        RichKind.ORDER,
        title=part.text("orderTitle", "title"),
        rows=tuple(row for row in rows if row.text),
        count=int(min(max(count, 0), 1_000_000)),
        amount=_amount(part),
    )
    return layout, part.text("message", "note", "text", "comment")


def _times(item: Fields) -> str:
    count = number(item.get("quantity", "count")) or 1
    price = _amount(item)
    return " ".join(filter(None, [f"{count:g} x" if count != 1 or price else "", price]))


def _product(flat: Fields, now: float) -> tuple[RichContent, str] | None:
    outer = flat.part("product", "productMessage")
    part = outer.part("product") or outer
    title, body = part.text("title", "name"), part.text("description")
    if not title and not body:
        return None
    layout = RichContent(
        RichKind.PRODUCT,
        title=title,
        body=body,
        footer=outer.text("footer"),
        amount=_amount(part),
        link=_link(part),
    )
    return layout, outer.text("body", "caption")


def _invoice(flat: Fields, now: float) -> tuple[RichContent, str] | None:
    part = flat.part(
        "invoice", "invoiceMessage", "requestPayment", "requestPaymentMessage", "sendPaymentMessage"
    )
    note = part.part("noteMessage")
    said = part.text("note", "message", "text") or note.text("conversation", "text")
    said = said or note.part("extendedTextMessage").text("text")
    amount = _amount(part)
    if not said and not amount:
        return None
    return RichContent(RichKind.INVOICE, title=part.text("title"), amount=amount), said


def _invitation(flat: Fields, now: float) -> tuple[RichContent, str] | None:
    part = flat.part(
        "invitation",
        "invite",
        "groupInvite",
        "groupInviteMessage",
        "newsletterAdminInviteMessage",
        "newsletterFollowerInviteMessage",
    )
    title = part.text("groupName", "newsletterName", "name", "title")
    code, link = part.text("inviteCode", "code"), _link(part)
    if not title and not code and not link:
        return None
    if not link and _CODE.fullmatch(code) and not part.get("newsletterName"):
        link = f"https://chat.whatsapp.com/{code}"
    return RichContent(RichKind.INVITATION, title=title, link=link), part.text(
        "caption", "text", "message"
    )


def _event(flat: Fields, now: float) -> tuple[RichContent, str] | None:
    part = flat.part("event", "eventMessage", "scheduledCallCreationMessage")
    title = part.text("name", "title")
    if not title:
        return None
    place = part.part("location")
    told = part.get("startTime", "startAt", "startsAt", "scheduledTimestampMs", "start")
    # An event lies ahead, as far as it likes.
    begins_at = moment(told, now=now + 10 * 366 * 86400)
    layout = RichContent(
        RichKind.EVENT,
        title=title,
        body=part.text("description", "body", "text"),
        begins_at=begins_at or 0.0,
        place=part.text("location") or ", ".join(filter(None, _names(place))),
        link=_link(part),
        is_off=bool(part.flag("isCanceled", "canceled", "cancelled")),
    )
    return layout, ""


def _names(place: Fields) -> list[str]:
    return [place.text("name"), place.text("address")]


def _offer(flat: Fields, now: float) -> tuple[RichContent, str] | None:
    """Whatever is offered to be picked."""
    for name in _OFFERS:
        part = flat.part(name)
        for _ in range(3):  # a template holds a template
            inner = part.part(*_OFFERS)
            if not inner:
                break
            part = inner.merged(part.without(*_OFFERS))
        layout = _sheet(part)
        if layout is not None:
            return layout, ""
    bare = Fields({name: flat.get(name) for name in ("buttons", "sections", "cards", "footer")})
    rows = tuple(_rows(bare))[:_MOST_ROWS]
    return (
        (RichContent(RichKind.TEMPLATE, footer=bare.text("footer"), rows=rows), "")
        if rows
        else None
    )


def _sheet(part: Fields) -> RichContent | None:
    rows = tuple(_rows(part))[:_MOST_ROWS]
    layout = RichContent(
        RichKind.TEMPLATE,
        title=_said(part, "header", *_TITLES),
        body=_said(part, "body", *_BODIES),
        footer=_said(part, "footer", *_FOOTERS),
        rows=rows,
    )
    return layout if layout.title or layout.body or layout.footer or rows else None


def _said(part: Fields, inner: str, *names: str) -> str:
    return part.text(*names) or part.part(inner).text("text", "title", "subtitle")


def _rows(part: Fields) -> list[RichRow]:
    """Buttons, the rows of a list under the titles of their sections, and cards."""
    flow = part.part("nativeFlowMessage", "nativeFlow")
    buttons = part.items("buttons", "hydratedButtons", "templateButtons", "actions")
    rows = [_button(Fields(one)) for one in [*buttons, *flow.items("buttons")][:_MOST_ROWS]]
    for section in map(Fields, part.items("sections")[:_MOST_ROWS]):
        rows.append(RichRow(section.text("title")))
        rows += [_button(Fields(one)) for one in section.items("rows")[:_MOST_ROWS]]
    cards = part.part("carouselMessage", "carousel").items("cards") or part.items("cards")
    for card in map(Fields, cards[:_MOST_ROWS]):
        sheet = _sheet(card.without("cards", "carouselMessage", "carousel"))
        if sheet is not None:
            rows.append(RichRow(sheet.title or sheet.body, sheet.body if sheet.title else ""))
            rows += sheet.rows
    return [row for row in rows if row.text]


def _button(part: Fields) -> RichRow:
    kind = part.part("urlButton", "callButton", "quickReplyButton")
    told = kind or part.merged(_parameters(part))
    text = told.text("displayText", "text", "title", "buttonText", "optionName")
    text = text or part.part("buttonText").text("displayText", "text")
    more = told.text("url", "phoneNumber", "description") or part.text("url", "description")
    return RichRow(text, more)


def _parameters(button: Fields) -> Fields:
    """What a button of a flow says of itself: JSON in a text."""
    try:
        return Fields(json.loads(button.text("buttonParamsJson") or "null"))
    except (ValueError, RecursionError):
        return Fields(None)


def _amount(part: Fields) -> str:
    """A sum as it is written: `BRL 459.00`. WhatsApp counts in thousandths; 0 says nothing."""
    thousandths = number(
        part.get("totalAmount1000", "salePriceAmount1000", "priceAmount1000", "amount1000")
    )
    money = part.part("amount", "total", "price")
    value = thousandths / 1000 if thousandths is not None else None
    if value is None and (found := number(money.get("value"))) is not None:
        offset = number(money.get("offset")) or 1
        value = found / offset if offset > 0 else found
    if value is None:
        value = number(part.get("totalAmount", "total", "price", "amount"))
    if not value or abs(value) > 1e12:
        return "" if not value else clean(f"{value:g}")
    names = ("totalCurrencyCode", "currencyCode", "currencyCodeIso4217", "currency")
    return f"{part.text(*names) or money.text(*names)} {value:,.2f}".strip()


def _link(part: Fields) -> str:
    found = part.text("url", "link", "joinLink", "inviteLink", "callLink", "productUrl")
    return found if _LINK.fullmatch(found) else ""
