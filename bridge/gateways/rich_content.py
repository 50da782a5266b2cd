"""Reads rich content: templates, buttons, lists, orders, products, invoices, invitations and
events. Pure, and total.

The names of the fields are WhatsApp's own, which gateways pass on; one that renames them does it in
this style (docs/contracts/ryzeapi.md, Events).
"""

import re

from bridge.domain.messages import RichContent, RichKind, RichRow
from bridge.domain.texts import json_object
from bridge.gateways.fields import Fields, clean, number, timestamp

_MAX_ROWS = 60
_TEN_YEARS_S = 10 * 366 * 86400.0
_CODE = re.compile(r"[A-Za-z0-9_-]{8,64}")
_LINKS = ("url", "link", "joinLink", "inviteLink", "callLink", "productUrl")
_TITLES = ("title", "hydratedTitleText", "headerText", "header", "subtitle")
_BODIES = ("body", "contentText", "hydratedContentText", "description", "text", "content")
_FOOTERS = ("footer", "footerText", "hydratedFooterText")
#: Whatever offers something to be picked.
_OFFERS = (
    *("interactive", "interactiveMessage", "template", "templateMessage", "hydratedTemplate"),
    *("hydratedFourRowTemplate", "interactiveMessageTemplate", "buttons", "buttonsMessage"),
    *("list", "listMessage", "highlyStructuredMessage"),
)
_INVOICES = ("invoice", "invoiceMessage", "requestPayment", "requestPaymentMessage")
_INVITATIONS = ("invitation", "invite", "groupInvite", "groupInviteMessage")
_CHANNEL_INVITATIONS = ("newsletterAdminInviteMessage", "newsletterFollowerInviteMessage")


def read(flat: Fields, *, now: float) -> tuple[RichContent, str] | None:
    """The rich content of a message, and what its sender wrote to it; None without any."""
    for reader in (_order, _product, _invoice, _invitation, _event, _offer):
        content = reader(flat, now)
        if content is not None:
            return content
    return None


def _order(flat: Fields, now: float) -> tuple[RichContent, str] | None:
    order = flat.part("order", "orderMessage")
    if not order:
        return None
    items = [Fields(item) for item in order.items("items", "products")[:_MAX_ROWS]]
    rows = [RichRow(item.text("name", "title"), _quantity(item)) for item in items]
    count = number(order.get("itemCount", "count", "quantity")) or len(rows)
    content = RichContent(
        RichKind.ORDER,
        title=order.text("orderTitle", "title"),
        rows=tuple(row for row in rows if row.text),
        count=int(min(max(count, 0), 1_000_000)),
        amount=_amount(order),
    )
    return content, order.text("message", "note", "text", "comment")


def _quantity(item: Fields) -> str:
    count = number(item.get("quantity", "count")) or 1
    price = _amount(item)
    return " ".join(filter(None, [f"{count:g} x" if count != 1 or price else "", price]))


def _product(flat: Fields, now: float) -> tuple[RichContent, str] | None:
    message = flat.part("product", "productMessage")
    product = message.part("product") or message
    content = RichContent(
        RichKind.PRODUCT,
        title=product.text("title", "name"),
        body=product.text("description"),
        footer=message.text("footer"),
        amount=_amount(product),
        link=product.link(*_LINKS),
    )
    if not content.title and not content.body:
        return None
    return content, message.text("body", "caption")


def _invoice(flat: Fields, now: float) -> tuple[RichContent, str] | None:
    invoice = flat.part(*_INVOICES, "sendPaymentMessage")
    note = invoice.part("noteMessage")
    text = (
        invoice.text("note", "message", "text")
        or note.text("conversation", "text")
        or note.part("extendedTextMessage").text("text")
    )
    amount = _amount(invoice)
    if not text and not amount:
        return None
    return RichContent(RichKind.INVOICE, title=invoice.text("title"), amount=amount), text


def _invitation(flat: Fields, now: float) -> tuple[RichContent, str] | None:
    invitation = flat.part(*_INVITATIONS, *_CHANNEL_INVITATIONS)
    title = invitation.text("groupName", "newsletterName", "name", "title")
    code, link = invitation.text("inviteCode", "code"), invitation.link(*_LINKS)
    if not title and not code and not link:
        return None
    if not link and _CODE.fullmatch(code) and not invitation.get("newsletterName"):
        link = f"https://chat.whatsapp.com/{code}"
    text = invitation.text("caption", "text", "message")
    return RichContent(RichKind.INVITATION, title=title, link=link), text


def _event(flat: Fields, now: float) -> tuple[RichContent, str] | None:
    event = flat.part("event", "eventMessage", "scheduledCallCreationMessage")
    title = event.text("name", "title")
    if not title:
        return None
    location = event.part("location")
    names = [location.text("name"), location.text("address")]
    begins_at = event.get("startTime", "startAt", "startsAt", "scheduledTimestampMs", "start")
    content = RichContent(
        RichKind.EVENT,
        title=title,
        body=event.text("description", "body", "text"),
        # An event lies ahead, as far as it likes.
        begins_at=timestamp(begins_at, now=now + _TEN_YEARS_S) or 0.0,
        place=event.text("location") or ", ".join(filter(None, names)),
        link=event.link(*_LINKS),
        is_off=bool(event.flag("isCanceled", "canceled", "cancelled")),
    )
    return content, ""


def _offer(flat: Fields, now: float) -> tuple[RichContent, str] | None:
    for name in _OFFERS:
        offer = flat.part(name)
        for _ in range(3):  # a template holds a template
            inner = offer.part(*_OFFERS)
            if not inner:
                break
            offer = inner.merged(offer.without(*_OFFERS))
        content = _template(offer)
        if content is not None:
            return content, ""
    bare = Fields({name: flat.get(name) for name in ("buttons", "sections", "cards", "footer")})
    rows = tuple(_rows(bare))[:_MAX_ROWS]
    if not rows:
        return None
    return RichContent(RichKind.TEMPLATE, footer=bare.text("footer"), rows=rows), ""


def _template(offer: Fields) -> RichContent | None:
    def text(inner: str, names: tuple[str, ...]) -> str:
        return offer.text(*names) or offer.part(inner).text("text", "title", "subtitle")

    content = RichContent(
        RichKind.TEMPLATE,
        title=text("header", _TITLES),
        body=text("body", _BODIES),
        footer=text("footer", _FOOTERS),
        rows=tuple(_rows(offer))[:_MAX_ROWS],
    )
    return content if content.title or content.body or content.footer or content.rows else None


def _rows(offer: Fields) -> list[RichRow]:
    """Buttons, the rows of a list under the titles of their sections, and cards."""
    flow = offer.part("nativeFlowMessage", "nativeFlow")
    buttons = offer.items("buttons", "hydratedButtons", "templateButtons", "actions")
    rows = [_button(Fields(item)) for item in [*buttons, *flow.items("buttons")][:_MAX_ROWS]]
    for section in map(Fields, offer.items("sections")[:_MAX_ROWS]):
        rows.append(RichRow(section.text("title")))
        rows += [_button(Fields(item)) for item in section.items("rows")[:_MAX_ROWS]]
    cards = offer.part("carouselMessage", "carousel").items("cards") or offer.items("cards")
    for card in map(Fields, cards[:_MAX_ROWS]):
        content = _template(card.without("cards", "carouselMessage", "carousel"))
        if content is not None:
            title, body = content.title, content.body
            rows += [RichRow(title or body, body if title else ""), *content.rows]
    return [row for row in rows if row.text]


def _button(button: Fields) -> RichRow:
    kind = button.part("urlButton", "callButton", "quickReplyButton")
    fields = kind or button.merged(_parameters(button))
    text = fields.text("displayText", "text", "title", "buttonText", "optionName")
    text = text or button.part("buttonText").text("displayText", "text")
    more = fields.text("url", "phoneNumber", "description") or button.text("url", "description")
    return RichRow(text, more)


def _parameters(button: Fields) -> Fields:
    """What a button of a flow says of itself: JSON in a text."""
    return Fields(json_object(button.text("buttonParamsJson")))


def _amount(fields: Fields) -> str:
    """A sum as it is written: `BRL 459.00`. WhatsApp counts in thousandths; 0 says nothing."""
    money = fields.part("amount", "total", "price")
    value = number(
        fields.get("totalAmount1000", "salePriceAmount1000", "priceAmount1000", "amount1000")
    )
    if value is not None:
        value /= 1000
    elif (value := number(money.get("value"))) is not None:
        offset = number(money.get("offset")) or 1
        value = value / offset if offset > 0 else value
    else:
        value = number(fields.get("totalAmount", "total", "price", "amount"))
    if not value or abs(value) > 1e12:
        return clean(f"{value:g}") if value else ""
    names = ("totalCurrencyCode", "currencyCode", "currencyCodeIso4217", "currency")
    return f"{fields.text(*names) or money.text(*names)} {value:,.2f}".strip()
