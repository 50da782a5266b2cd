"""The bars of the plot of an instance, which the template draws as SVG without style.

Messages from WhatsApp are above the line and those to WhatsApp below it, so that the two differ
without colour.
"""

from collections.abc import Iterator
from dataclasses import dataclass

#: The drawing in its own units: 60 minutes side by side, and half of the height for each series.
MINUTE, HALF = 5, 28
#: A scale below this would make one message look like a rush.
_LEAST = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute of one series. `series` is `in` or `out`."""

    series: str
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Plot:
    """Messages of the last hour."""

    bars: tuple[Bar, ...]
    received: int
    sent: int
    width: int = 60 * MINUTE
    height: int = 2 * HALF + 1


def draw(received: list[int], sent: list[int]) -> Plot:
    """The plot of two series of numbers, oldest minute first."""
    most = max([*received, *sent], default=0)
    scale = HALF / max(most, _LEAST)
    bars = (*_bars("in", received, scale), *_bars("out", sent, scale))
    return Plot(bars, sum(received), sum(sent))


def _bars(series: str, counts: list[int], scale: float) -> Iterator[Bar]:
    for minute, count in enumerate(counts):
        if count:
            height = round(count * scale, 1)
            y = HALF - height if series == "in" else HALF + 1
            yield Bar(series, minute * MINUTE + 0.5, round(y, 1), height)
