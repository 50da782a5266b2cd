"""What an agent writes in Chatwoot reads well on WhatsApp."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.markup import to_whatsapp
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
    ("- **a**\n  - _b_\n    more **c**", "- *a*\n  - _b_\n    more *c*"),
    ("1. a\n   > **b**", "1. a\n   > *b*"),
    ("> # Title", "> *Title*"),
    ("> ```\n> a\n> b\n> ```", "> ```a\nb```"),
    ("- a\n\n  ```\n  x\n  ```\n\nb", "- a\n\n  ```x```\n\nb"),
    ("**a", "**a"),
    ("title\n===", "title\n==="),
    ("title\n---", "title\n---"),
    ("a | b\n--|--\n1 | 2", "a | b\n--|--\n1 | 2"),
    ("    deep", "    deep"),
    ("#", "#"),
    ("-", "-"),
    ("[a]: https://x.example", "[a]: https://x.example"),
    ("[a](<b c> 'title')", "a (b c)"),
    ("[a [b](c)](d)", "a [b](c) (d)"),
    ("xhttps://x.example/_a_", "xhttps://x.example/_a_"),
    ("a\u0000b", "a\u0000b"),
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


@settings(deadline=None)  # the machine may be busy
@given(st.sampled_from([">", "> ", "- ", "* ", "1. ", "> - "]), st.integers(1, 150), TEXTS)
def test_deeply_nested_blocks_lose_nothing(mark: str, depth: int, text: str) -> None:
    line = " ".join(words(text)) or "a"
    assert words(to_whatsapp(mark * depth + line)) == words(mark * depth + line)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.sampled_from(["*", "**", "_", "__", "~~"]), min_size=1, max_size=200))
def test_deeply_nested_styles_lose_nothing(marks: list[str]) -> None:
    text = "".join(f"{mark}{number}" for number, mark in enumerate(marks))
    text += "x" + "".join(f"{number}{mark}" for number, mark in enumerate(reversed(marks)))
    assert words(to_whatsapp(text)) == words(text)


def test_more_styles_than_anybody_means_lose_nothing() -> None:
    text = "*a* " * 20_000
    assert words(to_whatsapp(text)) == words(text)


def test_more_lines_than_anybody_writes_lose_nothing() -> None:
    text = "> a\n1. b\n" * 4_000
    assert words(to_whatsapp(text)) == words(text)


def test_what_is_nested_too_deep_stays_as_it_is_written() -> None:
    deep = "> " * 30 + "**a**"
    assert to_whatsapp(f"**b**\n\n{deep}\n\n**c**") == f"*b*\n\n{deep}\n\n*c*"
