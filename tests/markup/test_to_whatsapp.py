"""What an agent writes in Chatwoot reads well on WhatsApp."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.markup import to_chatwoot, to_whatsapp
from tests.markup.test_to_chatwoot import TEXTS, words

TABLE = [
    ("", ""),
    ("hello", "hello"),
    ("**bold**", "*bold*"),
    ("__bold__", "*bold*"),
    ("*italic*", "_italic_"),
    ("_italic_", "_italic_"),
    ("~~gone~~", "~gone~"),
    ("***both***", "_*both*_"),
    ("**_both_**", "*_both_*"),
    ("**a *b* c**", "*a _b_ c*"),
    ("Hello **there**, _friend_!", "Hello *there*, _friend_!"),
    ("foo**bar**baz", "foobarbaz"),
    ("snake_case_name", "snake_case_name"),
    ("ana_maria@ex_ample.com", "ana_maria@ex_ample.com"),
    ("https://x.example/a_b_c/*d*", "https://x.example/a_b_c/*d*"),
    ("https://x.example/\\_a", "https://x.example/_a"),
    ("**https://x.example/a_b**", "*https://x.example/a_b*"),
    ("(see https://x.example/a_(b))", "(see https://x.example/a_(b))"),
    ("[text](https://x.example)", "text (https://x.example)"),
    ("[https://x.example](https://x.example)", "https://x.example"),
    ("[x.example](https://x.example/)", "https://x.example/"),
    ("[me@x.example](mailto:me@x.example)", "me@x.example"),
    ("[**text**](https://x.example 'title')", "*text* (https://x.example)"),
    ("![shot](https://x.example/a.png)", "shot (https://x.example/a.png)"),
    ("![](https://x.example/a.png)", "https://x.example/a.png"),
    ("<https://x.example>", "https://x.example"),
    ("[@Ana](mention://user/1/Ana)", "@Ana"),
    ("[not a link]", "[not a link]"),
    ("[a](b c)", "[a](b c)"),
    ("# Title", "*Title*"),
    ("## A **bold** title ##", "*A bold title*"),
    ("#hashtag", "#hashtag"),
    ("- a\n- b", "- a\n- b"),
    ("* a\n* b", "* a\n* b"),
    ("+ a", "- a"),
    ("1. a\n2. b", "1. a\n2. b"),
    ("> quote\nmore", "> quote\nmore"),
    (">quote", "> quote"),
    ("`code **x**`", "`code **x**`"),
    ("``a ` b``", "```a ` b```"),
    ("```python\nx = 1\n```", "```x = 1```"),
    ("before\n```\na\n\nb\n```\nafter", "before\n```a\n\nb```\nafter"),
    ("```\nopen", "```open```"),
    ("\\*not\\*", "*not*"),
    ("1\\. one", "1. one"),
    ("\\# one", "# one"),
    ("a\\\nb", "a\nb"),
    ("a\\\n\\\nb", "a\n\nb"),
    ("a  \nb", "a\nb"),
    ("a\\\\", "a\\"),
    ("2 * 3 * 4", "2 * 3 * 4"),
    ("*", "*"),
    ("**", "**"),
    ("a ** b", "a ** b"),
    ("---", "---"),
    ("***", "***"),
    ("**a\nb**", "*a*\n*b*"),
    ("\U0001f600 **hi** \U0001f600", "\U0001f600 *hi* \U0001f600"),
    ("~one~", "~one~"),
    ("&amp;", "&amp;"),
    ("**Total:** 5", "*Total:* 5"),
]


@pytest.mark.parametrize(("markdown", "text"), TABLE)
def test_table(markdown: str, text: str) -> None:
    assert to_whatsapp(markdown) == text


@settings(deadline=None)  # the machine may be busy
@given(TEXTS.filter(lambda text: "](" not in text and "```" not in text and "~~" not in text))
def test_no_letter_is_lost_and_none_is_added(text: str) -> None:
    assert words(to_whatsapp(text)) == words(text)


@settings(deadline=None)  # the machine may be busy
@given(st.text() | TEXTS)
def test_it_never_raises(text: str) -> None:
    assert isinstance(to_whatsapp(text), str)


@pytest.mark.parametrize(
    "unit",
    [
        "*a ",
        "a* ",
        "**a ",
        "_a",
        "[",
        "[a](",
        "`",
        "``` ",
        "\\`",
        "a_ *b ",
        "<a",
        "~~a ",
        "hw",
        "&#1",
        "1. ",
        "- ",
    ],
)
def test_the_longest_message_takes_no_more_than_a_moment(unit: str) -> None:
    text = (unit * 150_000)[:150_000]
    start = time.monotonic()
    to_whatsapp(text)
    to_chatwoot(text)
    assert time.monotonic() - start < 10
