"""The addresses of messages and contacts, in the forms that `bridge.store.identity` takes. Pure."""

from bridge.chatwoot.events import AgentMessage
from bridge.domain.messages import GROUP_SUFFIX, LID_SUFFIX, PHONE_SUFFIX, Address
from bridge.gateways import jids, numbers
from bridge.store.identity import AddressForms


def named(address: Address) -> AddressForms:
    """The forms that an address names: a group is its JID alone, whatever is named beside it."""
    phone = jids.phone(address.jid)
    if address.jid and not phone:
        return AddressForms(other=address.jid)
    if not phone:
        return AddressForms(lid=address.lid)
    first, spellings = numbers.canonical(phone), numbers.spellings(phone)
    others = tuple(other + PHONE_SUFFIX for other in spellings if other != first)
    return AddressForms(first + PHONE_SUFFIX, address.lid, spellings=others)


def of_text(text: str) -> Address:
    """The address of a full form: phone JID, LID or group."""
    return Address(lid=text) if text.endswith(LID_SUFFIX) else Address(jid=text)


def of_contact(message: AgentMessage) -> Address | None:
    """Where a contact that we did not make can be reached: by JID, else by phone number."""
    for text in (message.source_id, message.contact_identifier):
        if text.endswith((PHONE_SUFFIX, GROUP_SUFFIX, LID_SUFFIX)):
            return of_text(text)
    return of_number(message.contact_phone)


def of_number(text: str) -> Address | None:
    """The address of a number as people write it; None without a digit."""
    digits = "".join(filter(str.isdigit, text))
    return Address(jid=digits + PHONE_SUFFIX) if digits else None
