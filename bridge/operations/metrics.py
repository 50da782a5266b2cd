"""Numbers for Prometheus, computed from the database when they are asked for.

Nothing is counted in memory: several processes, and a restart, change no number.
"""

from collections.abc import Iterator, Sequence
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


_WAY = ("instance", "direction")
SERIES = (
    Series("build_info", "Always 1; the version is its label.", ("version",)),
    Series("router_up", "1 while the router gives signs of life."),
    Series(
        "integration_active",
        "1 while the integration delivers, 0 while it is paused or in error.",
        ("instance",),
    ),
    Series("messages_accepted_total", "Messages that were kept, in or out.", _WAY, counts=True),
    Series(
        "messages_finished_total",
        "Messages that arrived, or were discarded by a person.",
        _WAY,
        counts=True,
    ),
    Series("messages_waiting", "Messages that are not delivered yet.", ("instance",)),
    Series("messages_unconfirmed", "Sends without an answer or an echo.", ("instance",)),
    Series("messages_dead", "Dead letters, which wait for a person.", ("instance",)),
    Series("oldest_waiting_seconds", "Age of the oldest message that waits.", ("instance",)),
    Series(
        "delivery_seconds",
        "Time from keeping a message to its arrival, over the last five minutes.",
        (*_WAY, "quantile"),
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
        """Each series with its samples."""
        samples = _samples(self._services)
        for series in SERIES:
            kind = CounterMetricFamily if series.counts else GaugeMetricFamily
            family = kind(_PREFIX + series.name, series.meaning, labels=series.labels)
            for labels, value in samples[series.name]:
                family.add_metric(labels, value)
            yield family


def _samples(services: Services) -> dict[str, list[tuple[Sequence[str], float]]]:
    found: dict[str, list[tuple[Sequence[str], float]]] = {one.name: [] for one in SERIES}
    now = services.clock()
    names = {one.id: one.name for one in services.instances.all()}
    found["build_info"].append(([__version__], 1))
    found["router_up"].append(([], float(services.router_alive)))
    for integration in services.integrations.all():
        name = names.get(integration.instance_id, "")
        active = float(integration.status is Status.ACTIVE)
        found["integration_active"].append(([name], active))
    for unrouted in services.unrouted.all():
        labels = [names.get(unrouted.instance_id, ""), unrouted.kind]
        found["not_routed_total"].append((labels, unrouted.times))
    for standing in services.stats.all():
        whose = [names.get(standing.instance_id, "")]
        found["messages_waiting"].append((whose, standing.waiting))
        found["messages_unconfirmed"].append((whose, standing.unconfirmed))
        found["messages_dead"].append((whose, standing.dead))
        age = max(now - standing.oldest_at, 0.0) if standing.oldest_at else 0.0
        found["oldest_waiting_seconds"].append((whose, age))
        heard_at = services.instances.heard_at(standing.instance_id)
        if heard_at:
            found["gateway_heard_seconds"].append((whose, max(now - heard_at, 0.0)))
    for total in services.stats.totals(since=now - RECENT_S):
        way = [names.get(total.instance_id, ""), total.job.direction]
        found["messages_accepted_total"].append((way, total.accepted))
        found["messages_finished_total"].append((way, total.finished))
        times = sorted(total.times_s)
        for quantile in _QUANTILES if times else ():
            value = times[min(int(quantile * len(times)), len(times) - 1)]
            found["delivery_seconds"].append(([*way, str(quantile)], value))
    return found
