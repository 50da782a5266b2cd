"""Numbers for Prometheus, computed from the database on request.

Nothing is counted in memory, so that several processes and restarts change no number.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from bridge import __version__
from bridge.domain.models import Status
from bridge.services import Services

CONTENT_TYPE = CONTENT_TYPE_LATEST
_PREFIX = "chatwoot_bridge_"
#: What delivery times are taken of, in seconds up to now.
RECENT_S = 300.0
_QUANTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Series:
    """One metric: name without its prefix, what it means, its labels."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    counts: bool = False


_BOTH = ("instance", "direction")
SERIES = (
    Series("build_info", "Always 1; the version is its label.", ("version",)),
    Series("router_up", "1 while the router gives signs of life."),
    Series(
        "integration_active",
        "1 while the integration delivers, 0 while it is paused or in error.",
        ("instance",),
    ),
    Series("messages_accepted_total", "Messages that were stored, in or out.", _BOTH, counts=True),
    Series(
        "messages_finished_total",
        "Messages that arrived, or were discarded by a person.",
        _BOTH,
        counts=True,
    ),
    Series("messages_waiting", "Messages that are not delivered yet.", ("instance",)),
    Series("messages_unconfirmed", "Sends without an answer or an echo.", ("instance",)),
    Series("messages_dead", "Dead letters, which wait for a person.", ("instance",)),
    Series("oldest_waiting_seconds", "Age of the oldest message that waits.", ("instance",)),
    Series(
        "delivery_seconds",
        "Time from storing a message to its arrival, over the last five minutes.",
        (*_BOTH, "quantile"),
    ),
    Series(
        "not_routed_total",
        "Messages that stay out of Chatwoot, by what they are or where they came from.",
        ("instance", "kind"),
        counts=True,
    ),
    Series("gateway_heard_seconds", "Time since the gateway's last event came.", ("instance",)),
)


def exposition(services: Services) -> bytes:
    """All metrics in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(services))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        samples = defaultdict(list)
        for name, labels, value in _samples(self._services):
            samples[name].append((labels, value))
        for series in SERIES:
            kind = CounterMetricFamily if series.counts else GaugeMetricFamily
            family = kind(_PREFIX + series.name, series.meaning, labels=series.labels)
            for labels, value in samples[series.name]:
                family.add_metric(labels, value)
            yield family


def _samples(services: Services) -> Iterator[tuple[str, list[str], float]]:
    """Name of the series, values of its labels, value."""
    now = services.clock()
    names = {instance.id: instance.name for instance in services.instances.all()}
    yield "build_info", [__version__], 1
    yield "router_up", [], services.router_alive
    for joined in services.integrations.all():
        active = joined.status is Status.ACTIVE
        yield "integration_active", [names.get(joined.instance_id, "")], active
    for count in services.unrouted.all():
        yield "not_routed_total", [names.get(count.instance_id, ""), count.kind], count.times
    for stats in services.stats.all():
        labels = [names.get(stats.instance_id, "")]
        yield "messages_waiting", labels, stats.waiting
        yield "messages_unconfirmed", labels, stats.unconfirmed
        yield "messages_dead", labels, stats.dead
        age = max(now - stats.oldest_at, 0.0) if stats.oldest_at else 0.0
        yield "oldest_waiting_seconds", labels, age
        heard_at = services.instances.heard_at(stats.instance_id)
        if heard_at:
            yield "gateway_heard_seconds", labels, max(now - heard_at, 0.0)
    for total in services.stats.totals(since=now - RECENT_S):
        labels = [names.get(total.instance_id, ""), total.job.direction]
        yield "messages_accepted_total", labels, total.accepted
        yield "messages_finished_total", labels, total.finished
        times = sorted(total.times_s)
        for quantile in _QUANTILES if times else ():
            value = times[min(int(quantile * len(times)), len(times) - 1)]
            yield "delivery_seconds", [*labels, str(quantile)], value
