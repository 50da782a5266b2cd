"""What the people in a chat are called, where an event does not say it."""

import time

from bridge.domain.messages import Address
from bridge.gateways.base import GatewayError
from bridge.net.deadline import Deadline
from bridge.routing.context import Context
from bridge.routing.to_chatwoot import message_text

#: How long the name that a gateway told counts, and how long it may take to tell it, in seconds.
_KEEP_S = 3600.0
_CALL_S = 4.0
_MOST = 4096


def name_of(address: Address, context: Context) -> str:
    """The name of a person, else the phone number, else the LID; the gateway is asked for what the
    event leaves out (docs/contracts/ryzeapi.md, Addresses)."""
    if address.name:
        return address.name
    known = _asked(address, context)
    return known.name or message_text.number_of(known) or message_text.number_of(address)


def _asked(address: Address, context: Context) -> Address:
    if context.gateway is None:
        return address
    key = (context.instance.id, address.jid, address.lid)
    found = _KNOWN.get(key)
    if found is not None and found[0] > time.monotonic():
        return found[1]
    try:
        known = context.gateway.profile(address, deadline=Deadline(_CALL_S)).address
    except GatewayError:
        return address
    if len(_KNOWN) >= _MOST:
        _KNOWN.clear()
    _KNOWN[key] = (time.monotonic() + _KEEP_S, known)
    return known


#: What gateways told: until when it counts (monotonic seconds), by instance and address.
_KNOWN: dict[tuple[int, str, str], tuple[float, Address]] = {}
