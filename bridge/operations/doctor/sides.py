"""What has to be right with Chatwoot and the gateway of each instance, and with its messages."""

from collections.abc import Iterator
from datetime import UTC, datetime

from bridge.activation import checks
from bridge.chatwoot.account import Inbox
from bridge.domain.errors import BridgeError, IntegrationMissing
from bridge.domain.models import Actor, Instance, Integration, Status
from bridge.net.deadline import Deadline
from bridge.operations.doctor.findings import CALL_S, SKEW_S, Check, Finding
from bridge.routing import capabilities, context
from bridge.routing.from_chatwoot import duplicates, feed_status, socket_listeners, webhook_address
from bridge.routing.from_gateway import gateway_webhook
from bridge.routing.to_whatsapp import conversions
from bridge.services import Services
from bridge.store.feeds import Feed

_LATE_S = 600.0
#: How long ignored webhooks stay worth a finding, in seconds.
_IGNORED_S = 86400.0


def chatwoot(instance: Instance, services: Services) -> Iterator[Finding]:
    """Whether it answers, takes the token, has the inbox and calls us."""
    check, activate = Check("chatwoot", instance.name), f"chatwoot-bridge activate {instance.name}"
    try:
        look = checks.look(instance, services, by=Actor("cli", "doctor"))
    except IntegrationMissing:
        yield check.warning("it is not joined to a Chatwoot", activate)
        return
    joined, inbox = look.integration, look.found
    yield from _clock(joined, services)
    if isinstance(inbox, BridgeError):
        yield check.failed(inbox)
        return
    if joined.status is Status.PAUSED:
        yield check.warning(
            "it is paused: messages are stored, not delivered",
            f"chatwoot-bridge resume {instance.name}",
        )
    else:
        where = f"{joined.base_url} account {joined.account_id}"
        yield check.ok(f"Chatwoot {joined.chatwoot_version}, {where}: all well")
    yield from _missing(instance, joined, inbox, services)
    yield from _ignored(instance, joined, services)
    yield from _webhook(instance, joined, inbox, services)
    yield from _hearing(instance, joined, services)
    yield from _owner(instance, joined, services)
    for twice in duplicates.problems(joined, services):
        yield Check("copies", instance.name).warning(str(twice), duplicates.REMEDY)


def _clock(joined: Integration, services: Services) -> Iterator[Finding]:
    """Its times are compared with its own clock, so that nothing goes wrong by a difference."""
    ahead_s = services.chatwoot_clocks.ahead_s(joined.base_url)
    if abs(ahead_s) > SKEW_S:
        than = "ahead of" if ahead_s > 0 else "behind"
        yield Check("clock", joined.base_url).warning(
            f"Chatwoot's clock is {abs(ahead_s):.0f} s {than} ours; nothing is lost by that, but "
            "people see times that do not fit",
            "Set the clock that is wrong, here or there: timedatectl set-ntp true.",
        )


def _missing(
    instance: Instance, joined: Integration, inbox: Inbox, services: Services
) -> Iterator[Finding]:
    check = Check("version", instance.name)
    old = capabilities.too_old(joined)
    if old is not None:
        yield check.failed(old)
    for missing in capabilities.missing(joined, services, inbox):
        if missing.option:
            remedy = f"chatwoot-bridge activate {instance.name} {missing.option}"
            yield Check("survey", instance.name).warning(str(missing.problem), remedy)
        else:
            yield check.warning(str(missing.problem), "Update Chatwoot.")


def _ignored(instance: Instance, joined: Integration, services: Services) -> Iterator[Finding]:
    heard = services.feeds.of(joined.id).get(Feed.WEBHOOK)
    if heard is not None and services.clock() - heard.rejected_at < _IGNORED_S:
        yield Check("signature", instance.name).warning(
            f"{heard.rejected} webhooks without Chatwoot's signature, or with one of another "
            f"time, were ignored, the last one at {_exact(heard.rejected_at)} (UTC)",
            "The bridge asks Chatwoot for its secret and its clock by itself; if it goes on, "
            "something else calls the address, or changes what Chatwoot sends.",
        )


def _webhook(
    instance: Instance, joined: Integration, inbox: Inbox, services: Services
) -> Iterator[Finding]:
    check, activate = Check("webhook", instance.name), f"chatwoot-bridge activate {instance.name}"
    url = inbox.webhook_url
    is_off = services.webhooks.is_off(joined.id)
    wanted = "" if is_off else webhook_address.address(joined.webhook_key, services)
    if url == wanted:
        if not is_off:
            yield check.ok(
                "Chatwoot calls the right address" if wanted else "none, as it should be"
            )
    elif webhook_address.is_taken(url, joined.webhook_key):
        yield check.warning(
            "the inbox calls another program, which is left alone",
            f"If nothing needs that address, remove it in Chatwoot, then: {activate}",
        )
    else:
        yield check.wrong(
            "the inbox calls another address" if url else "the inbox calls no address",
            f"Activate again, which sets it: {activate}",
        )


def _hearing(instance: Instance, joined: Integration, services: Services) -> Iterator[Finding]:
    """How Chatwoot is heard, and why not otherwise."""
    remedy = (
        f"chatwoot-bridge webhook {instance.name} has the webhooks tried again."
        if feed_status.can_try(joined, services)
        else "An address that Chatwoot may call in BRIDGE_PUBLIC_URL brings webhooks as well."
    )
    check = Check("hearing", instance.name)
    for trouble in feed_status.problems(joined, services):
        make = check.warning if feed_status.is_heard(joined, services) else check.wrong
        yield make(str(trouble), remedy)
    check = Check("socket", instance.name)
    if socket_listeners.is_connected(joined, services):
        yield check.ok("Chatwoot's socket is open")
    elif services.settings.chatwoot_socket and services.router_alive:
        yield check.warning(
            "Chatwoot's socket is not open",
            "A proxy in front of Chatwoot must pass WebSockets at /cable; the log says more.",
        )


def _owner(instance: Instance, joined: Integration, services: Services) -> Iterator[Finding]:
    """Whether the token is that of an administrator who is no member of the inbox."""
    check = Check("token", instance.name)
    account = context.account_of(joined, services, Deadline(CALL_S))
    try:
        owner = account.owner()
        member_ids = account.members(joined.inbox_id)
    except BridgeError as error:
        yield check.failed(error)
        return
    membership = owner.account(joined.account_id)
    if membership is None or not membership.may_administer:
        yield check.warning(
            f"{owner.name}, whose token this is, is no administrator of account "
            f"{joined.account_id} any more: messages go on for now, but the inbox cannot be set up "
            "or changed",
            "Make this user an administrator in Chatwoot (Settings, Agents), or activate with the "
            f"token of one: chatwoot-bridge activate {instance.name}",
        )
    if services.settings.chatwoot_socket and owner.id in member_ids:
        yield Check("socket", instance.name).warning(
            f"{owner.name}, whose token this is, is a member of the inbox and is shown as online "
            "for about 20 s whenever the socket opens: Chatwoot may assign conversations to them",
            "Use the token of an administrator of its own who is no member of the inbox.",
        )


def gateway(instance: Instance, services: Services) -> Iterator[Finding]:
    """Whether it answers, takes the token, and the number is connected."""
    check, address = Check("gateway", instance.name), services.settings.address_for_gateway
    try:
        gateway = context.gateway_of(instance, services)
        connected = gateway.check(deadline=Deadline(CALL_S)) if gateway else None
    except BridgeError as error:
        yield check.failed(error)
        return
    if connected is None:
        yield check.warning(
            "no gateway is set: nothing can come from WhatsApp",
            "In the browser, open the instance's page and change its gateway.",
        )
    elif not connected:
        yield check.wrong(
            "the WhatsApp number is not connected in the gateway",
            "Connect it there (scan the code); messages wait until then.",
        )
    elif address and not services.instances.heard_at(instance.id):
        yield check.warning(
            "it has never called us",
            "Send a message to the number; if nothing comes, check that the gateway reaches "
            f"{address} and activate again.",
        )
    elif silence := gateway_webhook.silence(instance.id, services):
        since, until = map(_exact, silence)
        yield check.warning(
            f"it was not heard from {since} to {until} (UTC), and it repeats nothing",
            "Look on the phone for what customers wrote in that time; BRIDGE_PUBLIC_URL or "
            "BRIDGE_GATEWAY_URL gives the gateway an address to call.",
        )
    else:
        calls = gateway_webhook.is_relied_on(instance.id, services)
        transport = "it calls us" if calls else "heard over its socket"
        yield check.ok(f"reachable, token good, number connected; {transport}")


def messages(services: Services) -> Iterator[Finding]:
    """Whether any of them waits for a person, and how many stay out of Chatwoot."""
    findings: list[Finding] = []
    by_id = {stats.instance_id: stats for stats in services.stats.all()}
    for instance in services.instances.all():
        check, stats = Check("messages", instance.name), by_id.get(instance.id)
        if stats and stats.dead:
            findings.append(
                check.warning(
                    f"dead letters: {stats.dead}",
                    "chatwoot-bridge dead list; then dead replay or dead discard",
                )
            )
        if stats and stats.unconfirmed:
            findings.append(
                check.warning(
                    f"sends without an answer or an echo: {stats.unconfirmed}",
                    "They settle with the next event of the number; or look on the phone and use: "
                    "chatwoot-bridge dead settle",
                )
            )
        waiting_s = services.clock() - stats.oldest_at if stats and stats.oldest_at else 0.0
        if waiting_s > _LATE_S:
            findings.append(
                check.warning(
                    f"the oldest waits for {waiting_s / 60:.0f} minutes",
                    "See the findings above; chatwoot-bridge trace shows what holds a message up.",
                )
            )
        unrouted = services.unrouted.of(instance.id)
        if unrouted:
            counts = ", ".join(f"{count.kind} {count.times}" for count in unrouted)
            yield check.ok(f"not brought to Chatwoot: {counts}")
    yield from findings or [Check("messages").ok("none waits for a person")]
    if not conversions.is_possible():
        yield Check("ffmpeg").warning(
            "it is not installed: agents' voice notes arrive as audio files, and films that phones "
            "cannot play as documents",
            "apt-get install ffmpeg",
        )


def _exact(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"
