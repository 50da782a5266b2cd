"""What a customer writes on WhatsApp looks the same in Chatwoot."""

import html
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.markup import to_chatwoot, to_whatsapp

TABLE = [
    ("", ""),
    ("hello", "hello"),
    ("*bold*", "**bold**"),
    ("_italic_", "_italic_"),
    ("~gone~", "~~gone~~"),
    ("*_both_*", "**_both_**"),
    ("_*both*_", "_**both**_"),
    ("a *b* c _d_ e ~f~ g", "a **b** c _d_ e ~~f~~ g"),
    ("(*b*)", "(**b**)"),
    ("`code *x*`", "`code *x*`"),
    ("```one line```", "```one line```"),
    ("```a\n  b```", "```\na\n  b\n```"),
    ("see:\n```a\nb```\nthere", "see:\n```\na\nb\n```\nthere"),
    ("snake_case_name", "snake_case_name"),
    ("ana_maria@ex_ample.com", "ana_maria@ex_ample.com"),
    ("https://x.example/_a_/*b*?c_d=1_2", "https://x.example/_a_/*b*?c_d=1_2"),
    ("*https://x.example/a_b*", "**https://x.example/a_b**"),
    ("2*3*4", "2\\*3\\*4"),
    ("2 * 3 * 4", "2 * 3 * 4"),
    ("*", "\\*"),
    ("* item\n* other", "* item\n* other"),
    ("- item\nnext", "- item\n\nnext"),
    ("1. one\n2. two", "1. one\n2. two"),
    ("1. one\n5. five", "1. one\n\n5\\. five"),
    ("1) one", "1\\) one"),
    ("> said\nanswer", "> said\n\nanswer"),
    (">100", "\\>100"),
    ("# no heading", "\\# no heading"),
    ("#hashtag", "#hashtag"),
    ("title\n---", "title\n\\---"),
    ("title\n===", "title\n\\==="),
    ("+ 5", "\\+ 5"),
    ("__init__", "\\_\\_init\\_\\_"),
    ("C:\\*dir", "C:\\\\\\*dir"),
    ("C:\\dir", "C:\\dir"),
    ("[a](b)", "\\[a](b)"),
    ("[a]", "[a]"),
    ("a|b\n-|-", "a|b\n\\-|-"),
    ("<ana@x.example>", "\\<ana@x.example>"),
    ("a < b > c", "a < b > c"),
    ("&amp; & co", "\\&amp; & co"),
    ("(c) 2026", "\\(c) 2026"),
    ("    deep", "\u00a0\u00a0\u00a0\u00a0deep"),
    ("*a\nb*", "\\*a\nb\\*"),
    ("* a*", "* a\\*"),
    ("*open", "\\*open"),
    ("\U0001f600*hi*", "\U0001f600**hi**"),
    ("\U0001f600_hi_", "\U0001f600*hi*"),
    ("a`b", "a\\`b"),
    ("one\r\ntwo", "one\ntwo"),
    ("\u4f60\u597d *\u7c97* \u4f53", "\u4f60\u597d **\u7c97** \u4f53"),
]


@pytest.mark.parametrize(("text", "markdown"), TABLE)
def test_table(text: str, markdown: str) -> None:
    assert to_chatwoot(text) == markdown


#: Texts made of what matters: marks, block beginnings, words, breaks.
PIECES = st.sampled_from(
    [
        *"*_~`\\[](){}<>&|#-+=.!:1 \n\t",
        "```", "**", "a", "word", "2", "1. ", "- ", "* ", "> ", "# ", "é", "\U0001f600", "\u4f60",
        " https://x.example/a_b ", "ana_m@x.example", "[a](b)", "&amp;", "<b>", " *b* ", " _i_ ",
        "\\\n", "---", "===", "~~", "![", "]: ", " www.x.example ", " *https://x.example/a_b* ",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=30)


def words(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def squeezed(text: str) -> str:
    return "".join(text.split())


@settings(deadline=None)  # the machine may be busy
@given(TEXTS)
def test_no_letter_is_lost_and_none_is_added(text: str) -> None:
    assert words(to_chatwoot(text)) == words(text)


@settings(deadline=None)  # the machine may be busy
@given(TEXTS)
@example("*a*_b_")
@example("_a_*b*")
@example("*_a_ b*")
def test_what_was_brought_to_chatwoot_comes_back_the_same(text: str) -> None:
    written = text.replace("\r\n", "\n").replace("\r", "\n")
    assert squeezed(to_whatsapp(to_chatwoot(text))) == squeezed(written)


# -- against a Markdown renderer of the same rules as the one in Chatwoot's dashboard --------------


def shown_by_chatwoot(markdown: str) -> str:
    """The visible text of what the dashboard makes of it."""
    library = pytest.importorskip("markdown_it")
    renderer = library.MarkdownIt("gfm-like", {"breaks": True, "html": False})
    drawn = renderer.render(markdown)
    lists: list[int | None] = []
    out = []
    for piece in re.split(r"(<[^>]+>)", drawn):
        if found := re.match(r"<(ol|ul)(?: start=\"(\d+)\")?>", piece):
            lists.append(int(found[2] or 1) if found[1] == "ol" else None)
        elif piece in {"</ol>", "</ul>"}:
            lists.pop()
        elif piece == "<li>":
            count = lists[-1]
            if count is not None:
                out.append(f"{count}.")
                lists[-1] = count + 1
        elif not piece.startswith("<"):
            out.append(html.unescape(piece))
    return "".join(out)


def without_marks(text: str) -> str:
    """Letters and signs without white space, list marks and the marks that a style can use."""
    return re.sub(r"[\s\u00a0*_~`>-]", "", text)


@settings(deadline=None)  # the machine may be busy
@given(TEXTS.filter(lambda text: "\x00" not in text))
@example("# x\n- y\n  - z\n1. a\n3. b\n> q\nr")
@example("[a]: b\n\n[a]")
@example("a\n    b")
@example("text &#42; <http://x.example> <b>")
def test_every_sign_that_is_no_mark_is_visible_in_chatwoot(text: str) -> None:
    markdown = to_chatwoot(text)
    assert without_marks(shown_by_chatwoot(markdown)) == without_marks(text), markdown
