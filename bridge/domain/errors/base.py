"""What every error and every sentence for people is made of."""

from typing import ClassVar

#: Longest cause that is shown after `Detail:`, in characters.
MAX_DETAIL = 500


def N_(text: str) -> str:
    """Marks a text for the translation catalogs without translating it here."""
    return text


class Problem:
    """An English sentence that can be translated, and the values of its placeholders, which may be
    problems themselves."""

    def __init__(self, sentence: str, **values: object) -> None:
        self.sentence, self.values = sentence, values

    def __str__(self) -> str:
        return self.sentence.format(**self.values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Problem):
            return NotImplemented
        return (self.sentence, self.values) == (other.sentence, other.values)

    def __hash__(self) -> int:
        return hash(self.sentence)


#: Stands for a value that nobody has told yet.
UNKNOWN = "?"


class BridgeError(Exception):
    """A failure with a stable code, an HTTP status, a sentence and a next step.

    `values` fill the placeholders of `sentence` and `remedy`; a value may be a `Problem`, or the
    error that this one was caused by. `detail` is the upstream cause, already free of secrets;
    `field` names the input it belongs to, in the JSON API's spelling. `retry_after_s` is how long
    the other side wants to be left alone, in seconds; 0 where it does not say.

    A class is defined with its `code` and with what differs from its parent: `status`, `retryable`,
    `final` (the other side's own words say that the same would be refused again) and `holds`
    (nothing of the integration can work until a person, or the other side itself, changes it).
    Stored errors are read back by code, so a second class with the same one raises TypeError.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    final: ClassVar[bool] = False
    holds: ClassVar[bool] = False
    #: The sentence while no account is known yet; empty where it is the same.
    without_account: ClassVar[str] = ""
    sentence: ClassVar[str] = N_("Something went wrong on our side")
    remedy: ClassVar[str] = N_("Try again; if it happens again, look at the log of the bridge.")

    def __init_subclass__(cls, *, code: str = "", **facts: int) -> None:
        cls.code = code or cls.code
        for name, value in facts.items():
            getattr(cls, name)  # raises AttributeError for a mistyped one
            setattr(cls, name, value)
        if KINDS.setdefault(cls.code, cls) is not cls:
            raise TypeError(f"{cls.__name__} needs a code of its own: {cls.code} is taken")

    def __init__(
        self,
        *,
        detail: str = "",
        field: str | None = None,
        retry_after_s: float = 0.0,
        **values: object,
    ) -> None:
        self.detail, self.field = detail[:MAX_DETAIL], field
        self.retry_after_s, self.values = float(retry_after_s), values
        super().__init__(self.message)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._facts == other._facts

    def __hash__(self) -> int:
        return hash((self.code, self.detail, self.field))

    @property
    def _facts(self) -> tuple[object, ...]:
        return self.values, self.detail, self.field, self.retry_after_s

    @property
    def summary(self) -> Problem:
        """The sentence without the detail."""
        is_known = self.values.get("account_id") != UNKNOWN
        return self._filled(self.sentence if is_known else self.without_account or self.sentence)

    @property
    def next_step(self) -> Problem:
        return self._filled(self.remedy)

    @property
    def whole(self) -> Problem:
        """The sentence, with the cause after `Detail:` if there is one."""
        if not self.detail:
            return self.summary
        return Problem(N_("{said}. Detail: {detail}"), said=self.summary, detail=self.detail)

    @property
    def message(self) -> str:
        """The English sentence of the JSON API, with its detail."""
        return str(self.whole)

    def _filled(self, sentence: str) -> Problem:
        values = {
            name: value.summary if isinstance(value, BridgeError) else value
            for name, value in self.values.items()
        }
        return Problem(sentence, **values)


#: Every error by its code.
KINDS: dict[str, type[BridgeError]] = {BridgeError.code: BridgeError}
