"""What has to be right with Chatwoot and the gateway of each instance, and with its messages."""

from collections.abc import Iterator
from datetime import UTC, datetime

from bridge.activation import checks
from bridge.chatwoot.account import Inbox
from bridge.domain.errors import BridgeError, IntegrationMissing
from bridge.domain.models import Actor, Instance, Integration, Status
from bridge.net.deadline import Deadline
from bridge.operations.doctor.findings import CALL_S, SKEW_S, Finding, ok, remedy_of, warning, wrong
from bridge.routing import capabilities, context
from bridge.routing.from_chatwoot import duplicates, feed_status, socket_listeners, webhook_address
from bridge.routing.from_gateway import gateway_webhook
from bridge.routing.to_whatsapp import conversions
from bridge.services import Services
from bridge.store.feeds import Feed

_LATE_S = 600.0
#: For how long webhooks that were passed over are told, in seconds.
_PASSED_OVER_S = 86400.0


def chatwoot(instance: Instance, services: Services) -> Iterator[Finding]:
    """Whether it answers, takes the token, has the inbox and calls us."""
    try:
        look = checks.look(instance, services, by=Actor("cli", "doctor"))
    except IntegrationMissing:
        yield warning(
            "chatwoot",
            instance.name,
            "it is not joined to a Chatwoot",
            f"chatwoot-bridge activate {instance.name}",
        )
        return
    one, inbox = look.integration, look.found
    yield from _clock(one, services)
    if isinstance(inbox, BridgeError):
        yield wrong("chatwoot", instance.name, inbox.message, remedy_of(inbox))
        return
    if one.status is Status.PAUSED:
        yield warning(
            "chatwoot",
            instance.name,
            "it is paused: messages are kept, not delivered",
            f"chatwoot-bridge resume {instance.name}",
        )
    else:
        said = f"Chatwoot {one.chatwoot_version}, {one.base_url} account {one.account_id}: all well"
        yield ok("chatwoot", instance.name, said)
    yield from _missing(instance, one, inbox, services)
    yield from _passed_over(instance, one, services)
    yield from _webhook(instance, one, inbox, services)
    yield from _hearing(instance, one, services)
    yield from _owner(instance, one, services)
    for twice in duplicates.problems(one, services):
        yield warning("copies", instance.name, str(twice), duplicates.REMEDY)
    yield from _not_routed(instance, services)


def _not_routed(instance: Instance, services: Services) -> Iterator[Finding]:
    counts = [f"{count.kind} {count.times}" for count in services.unrouted.of(instance.id)]
    if counts:
        yield ok("messages", instance.name, f"not brought to Chatwoot: {', '.join(counts)}")


def _clock(one: Integration, services: Services) -> Iterator[Finding]:
    """Its times are held against its own clock, so that nothing goes wrong by a difference."""
    ahead_s = services.chatwoot_clocks.ahead_s(one.base_url)
    if abs(ahead_s) > SKEW_S:
        than = "ahead of" if ahead_s > 0 else "behind"
        yield warning(
            "clock",
            one.base_url,
            f"Chatwoot's clock is {abs(ahead_s):.0f} s {than} ours; nothing is lost by that, but "
            "people see times that do not fit",
            "Set the clock that is wrong, here or there: timedatectl set-ntp true.",
        )


def _missing(
    instance: Instance, one: Integration, inbox: Inbox, services: Services
) -> Iterator[Finding]:
    old = capabilities.too_old(one)
    if old is not None:
        yield wrong("version", instance.name, old.message, remedy_of(old))
    for missing in capabilities.missing(one, services, inbox):
        check, remedy = "version", "Update Chatwoot."
        if missing.option:
            check, remedy = "survey", f"chatwoot-bridge activate {instance.name} {missing.option}"
        yield warning(check, instance.name, str(missing.problem), remedy)


def _passed_over(instance: Instance, one: Integration, services: Services) -> Iterator[Finding]:
    heard = services.feeds.of(one.id).get(Feed.WEBHOOK)
    if heard is not None and services.clock() - heard.passed_over_at < _PASSED_OVER_S:
        at = f"{datetime.fromtimestamp(heard.passed_over_at, UTC):%Y-%m-%d %H:%M:%S}"
        yield warning(
            "signature",
            instance.name,
            f"{heard.passed_over} webhooks did not bear Chatwoot's signature, or one of another "
            f"time, and were passed over, the last one at {at} (UTC)",
            "The bridge asks Chatwoot for its secret and its clock by itself; if it goes on, "
            "something else calls the address, or changes what Chatwoot sends on its way.",
        )


def _webhook(
    instance: Instance, one: Integration, inbox: Inbox, services: Services
) -> Iterator[Finding]:
    found = inbox.webhook_url
    is_off = services.webhooks.is_off(one.id)
    wanted = "" if is_off else webhook_address.address(one, services)
    if found == wanted:
        if not is_off:
            said = "Chatwoot calls the right address" if wanted else "none, as it should be"
            yield ok("webhook", instance.name, said)
    elif webhook_address.is_taken(found, one.webhook_key):
        yield warning(
            "webhook",
            instance.name,
            "the inbox calls another program, which is left alone",
            "If nothing needs that address, remove it in Chatwoot, then: "
            f"chatwoot-bridge activate {instance.name}",
        )
    else:
        yield wrong(
            "webhook",
            instance.name,
            "the inbox calls another address" if found else "the inbox calls no address",
            f"Activate again, which sets it: chatwoot-bridge activate {instance.name}",
        )


def _owner(instance: Instance, one: Integration, services: Services) -> Iterator[Finding]:
    """Whether the token is that of an administrator who is no member of the inbox."""
    account = context.account_of(one, services, Deadline(CALL_S))
    try:
        owner = account.owner()
        member_ids = account.members(one.inbox_id)
    except BridgeError as error:
        yield wrong("token", instance.name, error.message, remedy_of(error))
        return
    membership = owner.account(one.account_id)
    if membership is None or not membership.may_administer:
        yield warning(
            "token",
            instance.name,
            f"{owner.name}, whose token this is, is no administrator of account {one.account_id} "
            "any more: messages go on for now, but the inbox cannot be set up or changed",
            "Make this user an administrator in Chatwoot (Settings, Agents), or activate with the "
            f"token of one: chatwoot-bridge activate {instance.name}",
        )
    if services.settings.chatwoot_socket and owner.id in member_ids:
        yield warning(
            "socket",
            instance.name,
            f"{owner.name}, whose token this is, is a member of the inbox and is shown as online "
            "for about 20 s whenever the socket opens: Chatwoot may assign conversations to them",
            "Use the token of an administrator of its own who is no member of the inbox.",
        )


def _hearing(instance: Instance, one: Integration, services: Services) -> Iterator[Finding]:
    """How Chatwoot is heard, and why not otherwise."""
    again = (
        f"chatwoot-bridge webhook {instance.name} has the webhooks tried again."
        if feed_status.can_try(one, services)
        else "An address that Chatwoot may call in BRIDGE_PUBLIC_URL brings webhooks as well."
    )
    for said in feed_status.problems(one, services):
        make = warning if feed_status.is_heard(one, services) else wrong
        yield make("hearing", instance.name, str(said), again)
    if socket_listeners.is_connected(one, services):
        yield ok("socket", instance.name, "Chatwoot's socket is open")
    elif services.settings.chatwoot_socket and services.router_alive:
        yield warning(
            "socket",
            instance.name,
            "Chatwoot's socket is not open",
            "A proxy in front of Chatwoot must pass WebSockets at /cable; the log says more.",
        )


def gateway(instance: Instance, services: Services) -> Iterator[Finding]:
    """Whether it answers, takes the token, and the number is connected."""
    try:
        gateway = context.gateway_of(instance, services)
        connected = gateway.check(deadline=Deadline(CALL_S)) if gateway else None
    except BridgeError as error:
        yield wrong("gateway", instance.name, error.message, remedy_of(error))
        return
    if connected is None:
        yield warning(
            "gateway",
            instance.name,
            "no gateway is set: nothing can come from WhatsApp",
            "In the browser, open the instance's page and change its gateway.",
        )
        return
    if not connected:
        yield wrong(
            "gateway",
            instance.name,
            "the WhatsApp number is not connected in the gateway",
            "Connect it there (scan the code); messages wait until then.",
        )
    elif services.settings.address_for_gateway and not services.instances.heard_at(instance.id):
        yield warning(
            "gateway",
            instance.name,
            "it has never called us",
            "Send a message to the number; if nothing comes, check that the gateway reaches "
            f"{services.settings.address_for_gateway} and activate again.",
        )
    elif silence := gateway_webhook.silence(instance.id, services):
        since, until = (f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}" for at in silence)
        yield warning(
            "gateway",
            instance.name,
            f"it was not heard from {since} to {until} (UTC), and it repeats nothing",
            "Look on the phone for what customers wrote in that time; BRIDGE_PUBLIC_URL or "
            "BRIDGE_GATEWAY_URL gives the gateway an address to call.",
        )
    else:
        calls = gateway_webhook.is_relied_on(instance.id, services)
        way = "it calls us" if calls else "heard over its socket"
        yield ok("gateway", instance.name, f"reachable, token good, number connected; {way}")


def messages(services: Services) -> Iterator[Finding]:
    """Whether any of them waits for a person."""
    names = {one.id: one.name for one in services.instances.all()}
    now = services.clock()
    troubled = False
    for one in services.stats.all():
        name = names.get(one.instance_id, "?")
        if one.dead:
            troubled = True
            yield warning(
                "messages",
                name,
                f"{one.dead} dead letters",
                "chatwoot-bridge dead list; then dead replay or dead discard",
            )
        if one.unconfirmed:
            troubled = True
            yield warning(
                "messages",
                name,
                f"{one.unconfirmed} sends without an answer or an echo",
                "They settle with the next event of the number; or look on the phone and use: "
                "chatwoot-bridge dead settle",
            )
        if one.oldest_at and now - one.oldest_at > _LATE_S:
            troubled = True
            yield warning(
                "messages",
                name,
                f"the oldest waits for {(now - one.oldest_at) / 60:.0f} minutes",
                "See the findings above; chatwoot-bridge trace shows what holds a message up.",
            )
    if not troubled:
        yield ok("messages", "", "none waits for a person")
    if not conversions.is_possible():
        yield warning(
            "ffmpeg",
            "",
            "it is not installed: agents' voice notes arrive as audio files, and films that phones "
            "cannot play as documents",
            "apt-get install ffmpeg",
        )
