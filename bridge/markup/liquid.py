"""Keeps a text from being run as a Liquid template (docs/contracts/chatwoot.md, Texts)."""

import re

#: Chatwoot wraps what stands in backticks into raw blocks of its own, by this very pattern.
_CODE = re.compile(r"(`.*?`)", re.DOTALL)
_OPENING = re.compile(r"\{(?=[{%])")
_BRACE = "{{ '{' }}"


def protect_liquid(text: str) -> str:
    """The text that Chatwoot turns back into `text` when it stores it as an outgoing message.

    A raw block around everything would not do: Chatwoot puts raw blocks of its own around code,
    and the text itself may hold `{% endraw %}`. So each brace that would begin something is given
    as an output that prints this brace.
    """
    if "{" not in text:
        return text
    parts = _CODE.split(text)
    for number, part in enumerate(parts):
        if number % 2:
            parts[number] = _in_raw(part)
            continue
        part = _OPENING.sub(_BRACE, part)
        # A brace right before code would begin something together with the tag put there.
        if part.endswith("{") and number + 1 < len(parts):
            part = part[:-1] + _BRACE
        parts[number] = part
    return "".join(parts)


def _in_raw(code: str) -> str:
    """Code is safe in its raw block unless it would end that block itself."""
    if "endraw" not in code:
        return code
    return _OPENING.sub(lambda found: f"{{% endraw %}}{_BRACE}{{% raw %}}", code)
