"""WhatsApp addresses: one spelling for each. Pure.

Source: docs/contracts/ryzeapi.md, Addresses.
"""

import re
from enum import StrEnum

from bridge.domain import texts
from bridge.domain.messages import GROUP_SUFFIX, LID_SUFFIX, PHONE_SUFFIX, Address, ChatKind
from bridge.gateways import numbers


class JidKind(StrEnum):
    PHONE = "phone"
    LID = "lid"
    GROUP = "group"
    NEWSLETTER = "newsletter"
    BROADCAST = "broadcast"
    UNKNOWN = "unknown"


#: By what follows the `@`; `c.us` is the older spelling of a phone address.
_KINDS = {
    "s.whatsapp.net": JidKind.PHONE,
    "c.us": JidKind.PHONE,
    "lid": JidKind.LID,
    # Accounts whose owner has them run by somebody else: the same person, the same addresses.
    "hosted": JidKind.PHONE,
    "hosted.lid": JidKind.LID,
    "g.us": JidKind.GROUP,
    "newsletter": JidKind.NEWSLETTER,
    "broadcast": JidKind.BROADCAST,
}
_PEOPLE = (JidKind.PHONE, JidKind.LID)
_CHATS = {**dict.fromkeys(_PEOPLE, ChatKind.PRIVATE), JidKind.GROUP: ChatKind.GROUP}
_DEVICE = re.compile(r"(?:\.[0-9]+)?:[0-9]+$|\.[0-9]+$")
#: What stands without a domain; a telephone number has 15 digits at most (ITU-T E.164).
_BARE = {
    JidKind.PHONE: (re.compile(r"\+?([0-9]{5,15})(?:\.[0-9]+)?(?::[0-9]+)?"), PHONE_SUFFIX),
    JidKind.LID: (re.compile(r"([0-9]+)(?:\.[0-9]+)?(?::[0-9]+)?"), LID_SUFFIX),
    JidKind.GROUP: (re.compile(r"([0-9]+(?:-[0-9]+)?)"), GROUP_SUFFIX),
}


def kind_of(address: str) -> JidKind:
    """What a normal address leads to; bare digits and anything else are UNKNOWN."""
    local, _, domain = address.rpartition("@")
    return _KINDS.get(domain.lower(), JidKind.UNKNOWN) if local else JidKind.UNKNOWN


def normal(address: str, *, bare: JidKind = JidKind.PHONE) -> str:
    """The full form without device suffix, empty for what is no address.

    `123:57@lid` becomes `123@lid`; `+5511...` and `5511...@c.us` become `5511...@s.whatsapp.net`.
    `bare` says what digits without a domain are where they stand: PHONE, LID or GROUP.
    """
    address = address.strip()
    local, at, domain = address.rpartition("@")
    if not at:
        pattern, suffix = _BARE[bare]
        match = pattern.fullmatch(address)
        return match[1] + suffix if match else ""
    kind = _KINDS.get(domain.lower(), JidKind.UNKNOWN)
    if kind is JidKind.UNKNOWN:
        return ""
    if kind in _PEOPLE:
        local = _DEVICE.sub("", local).removeprefix("+")
        if not (local.isascii() and local.isdigit()):
            return ""
        return local + (PHONE_SUFFIX if kind is JidKind.PHONE else LID_SUFFIX)
    return f"{local}@{domain.lower()}" if re.fullmatch(r"[A-Za-z0-9_-]+", local) else ""


def phone(address: str) -> str:
    """The digits of a phone JID; empty for LIDs, groups and all others, which have no phone."""
    return address.removesuffix(PHONE_SUFFIX) if address.endswith(PHONE_SUFFIX) else ""


def recipient(address: str) -> str:
    """As a gateway takes it best: bare digits of a phone JID, any other address untouched."""
    return phone(address) or address


def chat_kind(address: Address) -> ChatKind:
    return _CHATS.get(kind_of(address.jid or address.lid), ChatKind.OTHER)


def is_list(address: Address) -> bool:
    """Whether it is a list that somebody broadcasts to, and not the stories of all people."""
    return kind_of(address.jid) is JidKind.BROADCAST and not address.jid.startswith("status@")


def address(jid: str, lid: str = "", name: str = "", *, bare: JidKind = JidKind.PHONE) -> Address:
    """What two fields of an event say about one party, whichever of them holds which form.

    `jid` may hold a LID, and then `lid` the phone. A LID never becomes a phone: bare digits that
    equal the LID's are the LID once more.
    """
    second = normal(lid, bare=JidKind.LID)
    first = normal(jid, bare=bare)
    if "@" not in jid and first and second == first.partition("@")[0] + LID_SUFFIX:
        first = second
    lids = [form for form in (first, second) if form.endswith(LID_SUFFIX)]
    others = [form for form in (first, second) if form and form not in lids]
    return Address("".join(others[:1]), "".join(lids[:1]), texts.name(name))


def is_same(first: Address, other: Address) -> bool:
    """Whether two addresses share a form, the spelling of a number aside."""
    if first.lid and first.lid == other.lid:
        return True
    if not first.jid or not other.jid:
        return False
    spellings = numbers.spellings(phone(first.jid))
    return other.jid in (first.jid, *(digits + PHONE_SUFFIX for digits in spellings if digits))
