"""Contact cards: reads vCard 2.1 to 4.0 as far as names, telephones, company and e-mail. Pure."""

import quopri
import re

from bridge.domain.messages import ContactCard

_MAX_PHONES = 20
_FOLD = re.compile(r"\r?\n[ \t]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def parse(text: str, *, name: str = "", phone: str = "") -> ContactCard | None:
    """The card in a vCard text; `name` and `phone` count where the text itself says nothing.

    None when neither a name nor a telephone is known.
    """
    found: dict[str, list[str]] = {}
    for line in _FOLD.sub("", text).splitlines():
        head, colon, value = line.partition(":")
        field, *parameters = head.split(";")
        key = field.rpartition(".")[2].strip().upper()  # `item1.TEL` belongs to a group
        if not colon or key not in ("FN", "N", "TEL", "ORG", "EMAIL"):
            continue
        said = _value(value, parameters, structured=key in ("N", "ORG"))
        if not said and key == "TEL":
            said = _whatsapp_number(parameters)
        if said:
            found.setdefault(key, []).append(said)
    phones = [one.removeprefix("tel:") for one in found.get("TEL", [])] or (
        [phone] if phone else []
    )
    called = (found.get("FN") or found.get("N") or [""])[0] or name
    if not called and not phones:
        return None
    return ContactCard(
        name=called or phones[0],
        phones=tuple(dict.fromkeys(phones))[:_MAX_PHONES],
        organization=(found.get("ORG") or [""])[0],
        email=(found.get("EMAIL") or [""])[0],
    )


def _value(value: str, parameters: list[str], *, structured: bool) -> str:
    if any("QUOTED-PRINTABLE" in one.upper() for one in parameters):
        value = quopri.decodestring(value.encode()).decode("utf-8", "replace")
    if not structured:
        return _unescaped(value)
    parts = [_unescaped(part) for part in re.split(r"(?<!\\);", value)]
    # A name is written family first, and read given name first.
    ordered = [*parts[1:2], *parts[:1]] if len(parts) > 3 else parts
    return " ".join(part for part in ordered if part)


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value).strip()


def _whatsapp_number(parameters: list[str]) -> str:
    """Cards of WhatsApp itself name the account in the parameter `waid`."""
    for one in parameters:
        name, _, value = one.partition("=")
        if name.strip().lower() == "waid" and value.strip().isdigit():
            return f"+{value.strip()}"
    return ""
