"""Contact cards: reads vCard 2.1 to 4.0 as far as names, telephones, company and e-mail. Pure."""

import quopri
import re
from collections import defaultdict

from bridge.domain.messages import ContactCard

_MAX_PHONES = 20
_FOLD = re.compile(r"\r?\n[ \t]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def parse(text: str, *, name: str = "", phone: str = "") -> ContactCard | None:
    """The card in a vCard text; `name` and `phone` count where the text itself says nothing.

    None when neither a name nor a telephone is known.
    """
    values: dict[str, list[str]] = defaultdict(list)
    for line in _FOLD.sub("", text).splitlines():
        head, _, value = line.partition(":")
        field, *parameters = head.split(";")
        key = field.rpartition(".")[2].strip().upper()  # `item1.TEL` belongs to a group
        if key not in ("FN", "N", "TEL", "ORG", "EMAIL") or len(head) == len(line):
            continue
        value = _value(value, parameters, structured=key in ("N", "ORG"))
        if key == "TEL" and not _is_telephone(value):
            value = _whatsapp_number(parameters)
        if value:
            values[key].append(value)
    phones = [number.removeprefix("tel:") for number in values["TEL"]]
    phones = phones or [phone] * _is_telephone(phone)
    name = next(iter([*values["FN"], *values["N"]]), name)
    if not name and not phones:
        return None
    return ContactCard(
        name=name or phones[0],
        phones=tuple(dict.fromkeys(phones))[:_MAX_PHONES],
        organization=next(iter(values["ORG"]), ""),
        email=next(iter(values["EMAIL"]), ""),
    )


def _value(value: str, parameters: list[str], *, structured: bool) -> str:
    if any("QUOTED-PRINTABLE" in parameter.upper() for parameter in parameters):
        value = quopri.decodestring(value.encode()).decode("utf-8", "replace")
    if not structured:
        return _unescaped(value)
    parts = [_unescaped(part) for part in re.split(r"(?<!\\);", value)]
    # A name is written family first, and read given name first.
    ordered = [*parts[1:2], *parts[:1]] if len(parts) > 3 else parts
    return " ".join(filter(None, ordered))


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value).strip()


def _is_telephone(text: str) -> bool:
    """Whether it says anything: some cards hold a lone "+" where a telephone was left empty."""
    return any(map(str.isalnum, text))


def _whatsapp_number(parameters: list[str]) -> str:
    """Cards of WhatsApp itself name the account in the parameter `waid`."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "waid" and value.strip().isdigit():
            return f"+{value.strip()}"
    return ""
