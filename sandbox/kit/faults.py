"""Faults: what goes wrong, for which requests, how often, how long. A restart ends them."""

import random
import re
import threading
import time
import types
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin, get_type_hints


@dataclass(eq=False)
class Rule:
    """One fault. Every server's own kind of fault adds what it needs.

    `method` and `path` are regular expressions for the whole method and a part of the path; empty
    ones fit all. `times` counts down to the fault's end, None is for ever; `lasts_s` is how many
    seconds it is in force; `chance` is the probability, 0 to 1, that it applies.
    """

    PATTERNS: ClassVar[tuple[str, ...]] = ("method", "path")

    id: int
    kind: str
    method: str = ""
    path: str = ""
    times: int | None = None
    lasts_s: float | None = None
    chance: float = 1.0
    hits: int = 0

    def __post_init__(self) -> None:
        self._ended = False
        self._ends = None if self.lasts_s is None else time.monotonic() + self.lasts_s
        self.signal = Signal()

    def fits(self, method: str, path: str) -> bool:
        """Whether it is about such a request."""
        if self.method and not re.fullmatch(self.method, method, re.IGNORECASE):
            return False
        return not self.path or re.search(self.path, path) is not None

    @property
    def is_over(self) -> bool:
        """Whether it was cleared, or its time is up."""
        return self._ended or self.left_s == 0

    @property
    def left_s(self) -> float | None:
        """The seconds until it ends by itself; None: never."""
        return None if self._ends is None else max(0.0, self._ends - time.monotonic())

    def wait(self, seconds: float | None) -> bool:
        """Wait for its end or an interruption, at most so long (None: for ever); is it over?"""
        left = self.left_s
        if left is not None and (seconds is None or left <= seconds):
            seconds = left
        signal, before = self.signal, self.signal.interruptions
        with signal.condition:
            signal.condition.wait_for(
                lambda: self._ended or signal.interruptions != before, timeout=seconds
            )
        return self.is_over

    def end(self) -> None:
        """End it: whoever waits for its end goes on."""
        with self.signal.condition:
            self._ended = True
            self.signal.condition.notify_all()


class Signal:
    """What wakes those who wait for the end of a fault."""

    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.interruptions = 0


RuleType = TypeVar("RuleType", bound=Rule)


class Faults(Generic[RuleType]):
    """The faults in force, oldest first. Safe to use from any thread."""

    def __init__(self, rule: type[RuleType], kinds: Collection[str]) -> None:
        """`rule` is the server's own kind of fault, `kinds` are the kinds there are."""
        self._rule = rule
        self._kinds = kinds
        hints, own = get_type_hints(rule), ("id", "hits")
        names = [field.name for field in fields(rule) if field.name not in own]
        self._known = {name: hints[name] for name in names}
        self._lock = threading.Lock()
        self._set: list[RuleType] = []
        self._spent: list[RuleType] = []  # apply no more, but somebody may wait for their end
        self._last_id = 0
        self._signal = Signal()

    def add(self, wanted: Mapping[str, Any]) -> RuleType:
        """Put a fault in force. Raises ValueError with a sentence when something is wrong."""
        if wanted.get("kind") not in self._kinds:
            known = ", ".join(self._kinds)
            raise ValueError(f"unknown kind {wanted.get('kind')!r}; known: {known}")
        given = {}
        for name, value in wanted.items():
            if name not in self._known:
                raise ValueError(f"unknown field {name!r}; known: {', '.join(self._known)}")
            if value is None and not _accepts(self._known[name], None):
                continue
            if not _accepts(self._known[name], value):
                raise ValueError(f"field {name!r} has a wrong type")
            given[name] = value
        for name in self._rule.PATTERNS:
            try:
                re.compile(given.get(name, ""))
            except re.error as error:
                raise ValueError(f"field {name!r} is no regular expression: {error}") from None
        with self._lock:
            self._last_id += 1
            fault = self._rule(id=self._last_id, **given)
            fault.signal = self._signal
            self._spent = [other for other in self._spent if not other.is_over]
            self._set = [*(other for other in self._set if not other.is_over), fault]
        return fault

    def clear(self, fault_id: int | None = None) -> None:
        """End one fault, or all."""
        with self._lock:
            ended = [rule for rule in self._set + self._spent if fault_id in (None, rule.id)]
            self._set = [rule for rule in self._set if rule not in ended]
            self._spent = [rule for rule in self._spent if rule not in ended]
        for fault in ended:
            fault.end()

    def interrupt(self) -> None:
        """Wake everybody who waits for the end of any fault, without ending it."""
        with self._signal.condition:
            self._signal.interruptions += 1
            self._signal.condition.notify_all()

    @property
    def interruptions(self) -> int:
        return self._signal.interruptions

    def in_force(self, *kinds: str) -> list[RuleType]:
        """The faults in force, of these kinds when any are named; none of them counts as used."""
        if not self._set:
            return []
        rules = [rule for rule in self._set if not rule.is_over]
        return [rule for rule in rules if not kinds or rule.kind in kinds]

    def listed(self) -> list[dict[str, Any]]:
        return [asdict(rule) for rule in self.in_force()]

    def take(self, *kinds: str, fits: Callable[[RuleType], bool]) -> RuleType | None:
        """The first fault of these kinds that applies; it counts as used."""
        with self._lock:
            return next((rule for rule in self.in_force(*kinds) if self._applies(rule, fits)), None)

    def take_all(self, *kinds: str, fits: Callable[[RuleType], bool]) -> list[RuleType]:
        """Every fault of these kinds that applies; each counts as used."""
        with self._lock:
            return [rule for rule in self.in_force(*kinds) if self._applies(rule, fits)]

    def _applies(self, fault: RuleType, fits: Callable[[RuleType], bool]) -> bool:
        if not fits(fault) or random.random() >= fault.chance:  # noqa: S311 - no secret
            return False
        fault.hits += 1
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self._set = [other for other in self._set if other is not fault]
                self._spent.append(fault)
        return True


def _accepts(hint: Any, value: Any) -> bool:
    """Whether a JSON value is of a field's type; a whole number will do as a float."""
    if isinstance(hint, types.UnionType):
        return any(_accepts(option, value) for option in get_args(hint))
    if hint is None or hint is type(None):
        return value is None
    if isinstance(value, bool) or hint is bool:
        return hint is bool and isinstance(value, bool)
    if hint is float:
        return isinstance(value, int | float)
    origin, inner = get_origin(hint), get_args(hint)
    if origin is list:
        return isinstance(value, list) and all(_accepts(inner[0], item) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_accepts(inner[1], item) for item in value.values())
    return isinstance(value, hint)
