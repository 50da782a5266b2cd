"""What bots ask with reaches WhatsApp as lines; what cannot be said there is shown as failed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.chatwoot import menus
from tests.routing.desk import Desk, until

LINK = "https://shop.example/1"
MENUS: list[tuple[str, list[dict[str, Any]], list[str]]] = [
    (
        "input_select",
        [{"title": "Sales", "value": "s"}, {"title": "*Support*", "value": "p"}],
        ["- Sales", "- *Support*"],
    ),
    ("input_select", [{"title": "", "value": "s"}], ["- s"]),
    (
        "cards",
        [
            {
                "title": "Blue shirt",
                "description": "R$ 29",
                "actions": [
                    {"type": "link", "text": "Buy", "uri": LINK},
                    {"type": "postback", "text": "Ask", "payload": "ASK"},
                ],
            },
            {
                "title": "Red shirt",
                "media_url": "https://shop.example/red.png",
                "actions": [{"type": "link", "text": "", "uri": LINK}],
            },
        ],
        [
            "Blue shirt", "R$ 29", f"Buy: {LINK}", "- Ask", "",
            "Red shirt", "https://shop.example/red.png", LINK,
        ],
    ),
    (
        "article",
        [
            {"title": "How to", "description": "In\ntwo lines", "link": LINK},
            {"title": "Why", "link": LINK},
        ],
        ["How to", "In\ntwo lines", LINK, "", "Why", LINK],
    ),
    (
        "form",
        [
            {"name": "email", "type": "email", "label": "Your e-mail", "placeholder": "a@b"},
            {
                "name": "city",
                "type": "select",
                "label": "City",
                "options": [{"label": "São Paulo", "value": "sp"}, {"value": "rio"}],
            },
            {"name": "size", "type": "text"},
        ],
        ["- Your e-mail", "- City: São Paulo / rio", "- size"],
    ),
]  # fmt: skip


def asks(
    desk: Desk, conversation: int, content_type: str, items: object, text: str = ""
) -> dict[str, Any]:
    """What a bot writes; Chatwoot takes it from anybody with a token."""
    wish = {"content": text, "content_type": content_type, "content_attributes": {"items": items}}
    said: dict[str, Any] = desk.api("POST", f"conversations/{conversation}/messages", wish)
    return said


@pytest.mark.parametrize(("content_type", "items", "lines"), MENUS)
def test_a_menu_is_read_as_lines(
    content_type: str, items: list[dict[str, Any]], lines: list[str]
) -> None:
    assert list(menus.lines(content_type, {"items": items})) == lines


@pytest.mark.parametrize(("content_type", "items", "lines"), MENUS[::2])
@pytest.mark.parametrize("text", ["**Which** one?", ""])
def test_a_menu_reaches_the_customer_below_its_text(
    desk: Desk, content_type: str, items: list[dict[str, Any]], lines: list[str], text: str
) -> None:
    number, conversation = desk.meet()
    asks(desk, conversation, content_type, items, text)
    desk.gets(number, "\n".join(["*Which* one?"] * bool(text) + lines))


def test_a_message_of_which_nothing_can_be_said_is_shown_as_failed(desk: Desk) -> None:
    number, conversation = desk.meet()
    empty = asks(desk, conversation, "input_select", [{"title": " ", "value": ""}])
    desk.reply(conversation, "and now in words")
    desk.gets(number, "and now in words")
    until(lambda: desk.status(conversation, empty["id"]) == "failed", "the failure")
    shown = desk.message(conversation, empty["id"])["content_attributes"]
    assert "nothing in this message" in shown["external_error"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["items", "title", "actions", "text", "uri", "options", "label"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(["input_select", "cards", "article", "form", "text", ""]), JSON)
def test_no_menu_makes_the_reading_fail(content_type: str, items: object) -> None:
    found = menus.lines(content_type, {"items": items})
    assert all(isinstance(line, str) for line in found)
