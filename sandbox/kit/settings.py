"""Named values that a control API shows and changes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar


@dataclass
class Settings:
    """The base of a dataclass of settings. Each value keeps the type of its default."""

    #: The only values of a setting, where not every value of its type will do.
    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {}

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Set the named settings, all or none. Raises ValueError for an unknown name or value."""
        values = {name: self._checked(name, value) for name, value in wanted.items()}
        for name, value in values.items():
            setattr(self, name, value)

    def _checked(self, name: str, value: Any) -> Any:
        known = [field.name for field in fields(self)]
        if name not in known:
            raise ValueError(f"unknown setting {name!r}; known: {', '.join(known)}")
        kind = type(getattr(self, name))
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise ValueError(f"{name} must be of type {kind.__name__}")
        if value not in self.CHOICES.get(name, (value,)):
            raise ValueError(f"{name} must be one of {', '.join(self.CHOICES[name])}")
        return value

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
