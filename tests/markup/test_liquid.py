"""A text mirrored as outgoing survives Chatwoot's Liquid."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.markup import protect_liquid
from sandbox.chatwoot.liquid import render

DROPS = {"contact": {"name": "Ana"}}
TABLE = [
    ("hello", "hello"),
    ("{single}", "{single}"),
    ("{{contact.name}}", "{{ '{' }}{contact.name}}"),
    ("{% raw %}", "{{ '{' }}% raw %}"),
    ("`{{x}}`", "`{{x}}`"),
]
SPOILERS = ["{% raw %}x{% endraw %}", "{%- endraw -%}", "`{% endraw %}`", "`{% endraw %}{% raw %}`"]
SPOILERS += ["{{", "{%", "{{{{", "}}", "a {`b`", "```{{x}}```{{x}}", "`{{`{{y}}`", "{%if%}`"]


@pytest.mark.parametrize(("text", "protected"), TABLE)
def test_table(text: str, protected: str) -> None:
    assert protect_liquid(text) == protected


PARTS = st.sampled_from([*SPOILERS, "{", "}", "%", "`", " ", "a", "endraw", "\n", "{% endraw"])


@settings(deadline=None)  # the machine may be busy
@given(st.lists(PARTS, max_size=10).map("".join))
@example("{{contact.name}} and `{% endraw %}` and {{contact.name}}")
def test_chatwoot_stores_what_was_meant(text: str) -> None:
    assert render(protect_liquid(text), DROPS) == text


@settings(deadline=None)  # the machine may be busy
@given(st.text())
def test_a_text_without_braces_is_untouched(text: str) -> None:
    plain = text.replace("{", "")
    assert protect_liquid(plain) == plain
