"""Whatever words a customer's event holds reach the agent, and what holds none disturbs nobody."""

import itertools
from typing import Any

import pytest
import requests

from tests.routing.desk import Desk, now, until

_ids = itertools.count(1)


def party(number: str, name: str = "Rui") -> dict[str, str]:
    return {"jid": f"{number}@s.whatsapp.net", "name": name}


def say(desk: Desk, number: str, text: str = "", message_id: str = "", **message: Any) -> str:
    """An event of the customer; its id."""
    message_id = message_id or f"WI{number}-{next(_ids)}"
    desk.raw(party(number), message_id, text, **message)
    return message_id


@pytest.fixture
def chat(desk: Desk) -> tuple[str, int]:
    return desk.meet("hello")


LAID_OUT: dict[str, dict[str, Any]] = {
    "template": {
        "type": "template",
        "interactive": {
            "title": "Order confirmed",
            "body": "It is *on its way*",
            "footer": "Shop",
            "buttons": [{"text": "Track", "url": "https://x.example"}],
        },
    },
    "hydrated template": {
        "type": "templateMessage",
        "templateMessage": {
            "hydratedTemplate": {
                "hydratedTitleText": "Order confirmed",
                "hydratedContentText": "It is *on its way*",
                "hydratedFooterText": "Shop",
                "hydratedButtons": [
                    {"urlButton": {"displayText": "Track", "url": "https://x.example"}}
                ],
            }
        },
    },
    "flow": {
        "type": "interactive",
        "interactiveMessage": {
            "header": {"title": "Order confirmed"},
            "body": {"text": "It is *on its way*"},
            "footer": {"text": "Shop"},
            "nativeFlowMessage": {
                "buttons": [
                    {
                        "name": "cta_url",
                        "buttonParamsJson": '{"display_text":"Track","url":"https://x.example"}',
                    }
                ]
            },
        },
    },
}


@pytest.mark.parametrize("shape", LAID_OUT)
def test_a_template_shows_its_words_in_whatever_shape_they_come(
    desk: Desk, chat: tuple[str, int], shape: str
) -> None:
    number, conversation = chat
    say(desk, number, **LAID_OUT[shape])
    assert desk.arrived(conversation, 2)["content"].split("\n") == [
        "Order confirmed",
        "It is **on its way**",
        "- Track: https://x.example",
        "Shop",
    ]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            {
                "type": "buttons",
                "interactive": {
                    "contentText": "Pick one",
                    "buttons": [{"buttonText": {"displayText": "Yes"}}],
                },
            },
            "Pick one\n- Yes",
        ),
        (
            {
                "type": "list",
                "list": {
                    "title": "Menu",
                    "description": "What would you like?",
                    "sections": [
                        {"title": "Food", "rows": [{"title": "Pizza", "description": "R$ 30"}]}
                    ],
                },
            },
            "Menu\nWhat would you like?\n- Food\n- Pizza: R$ 30",
        ),
        (
            {
                "type": "order",
                "order": {
                    "itemCount": 2,
                    "message": "please deliver today",
                    "totalAmount1000": 45900,
                    "totalCurrencyCode": "BRL",
                },
            },
            "please deliver today\n🛒 Order: items: 2, BRL 45.90",
        ),
        (
            {
                "type": "product",
                "product": {
                    "title": "Shirt",
                    "description": "blue",
                    "currencyCode": "BRL",
                    "priceAmount1000": 29900,
                },
            },
            "🛍️ Product: Shirt, BRL 29.90\nblue",
        ),
        (
            {
                "type": "invoice",
                "invoiceMessage": {"note": "for *May*", "amount1000": 5000, "currency": "EUR"},
            },
            "for **May**\n🧾 Payment: EUR 5.00",
        ),
        (
            {
                "type": "groupInvite",
                "groupInviteMessage": {
                    "groupName": "Friends *of* us",
                    "inviteCode": "AbCdEfGh1234",
                    "caption": "join us",
                },
            },
            "join us\n✉️ Invitation: Friends \\*of\\* us\nhttps://chat.whatsapp.com/AbCdEfGh1234",
        ),
        (
            {
                "type": "event",
                "event": {
                    "name": "Party",
                    "description": "bring *cake*",
                    "startTime": 1_798_761_600,
                    "location": {"name": "Bar do *Zé*"},
                },
            },
            "📅 Event: Party\n2027-01-01 00:00 UTC\nBar do \\*Zé\\*\nbring **cake**",
        ),
        (
            {
                "type": "liveLocation",
                "liveLocation": {
                    "degreesLatitude": -23.5,
                    "degreesLongitude": -46.6,
                    "caption": "coming",
                },
            },
            "📍 Live location:\nhttps://www.google.com/maps?q=-23.5,-46.6\ncoming",
        ),
        (
            {
                "type": "location",
                "location": {
                    "latitude": 1.5,
                    "longitude": 2.5,
                    "name": "Bar do *Zé* [here](http://evil.example)",
                },
            },
            "📍 Bar do \\*Zé\\* \\[here](http://evil.example)\nhttps://www.google.com/maps?q=1.5,2.5",
        ),
        (
            {
                "type": "poll",
                "poll": {"title": "Pick", "options": [{"name": "1*2*3"}, {"name": "# top"}]},
            },
            "📊 Pick\n- 1\\*2\\*3\n- \\# top",
        ),
        ({"content": "to ten friends", "isForwarded": True}, "↪️ Forwarded\nto ten friends"),
        (
            {"content": "again", "context": {"forwardingScore": 7}},
            "↪️ Forwarded\nagain",
        ),
        (
            {"type": "brandNew", "brandNew": {"headline": {"text": "Look"}, "note": "here"}},
            "[brandNew message: open WhatsApp on the phone to see it]\nLook\nhere",
        ),
    ],
)
def test_what_an_event_says_is_shown(
    desk: Desk, chat: tuple[str, int], message: dict[str, Any], shown: str
) -> None:
    number, conversation = chat
    say(desk, number, **message)
    assert desk.arrived(conversation, 2)["content"] == shown


def test_an_advert_stands_with_the_message_that_it_brought(desk: Desk) -> None:
    advert = {"title": "Summer *sale*", "body": "50% off", "sourceUrl": "https://ads.example/1"}
    more = {"sourceId": "1200", "ctwaClid": "X"}
    for words in ("Can I get more info?", ""):
        number = desk.number()
        say(desk, number, words, context={"externalAdReply": advert | more})
        [shown] = desk.thread(desk.conversation(number))
        told = "📣 Summer \\*sale\\*\n50% off\nhttps://ads.example/1"
        assert shown["content"] == f"{words}\n{told}".strip()
        assert shown["content_attributes"]["referral"] == {
            "headline": "Summer *sale*",
            "body": "50% off",
            "source_url": "https://ads.example/1",
            "source_id": "1200",
            "ctwa_clid": "X",
        }


def test_a_vote_stands_under_its_poll_also_when_it_is_taken_back(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    poll = say(desk, number, type="poll", poll={"title": "When?", "options": [{"name": "Tue"}]})
    for picked in (["Tue", "*Wed*"], []):
        vote = {"pollMessageId": poll, "selectedOptions": picked}
        say(desk, number, type="poll_vote", vote=vote)
    desk.arrived(conversation, 4)
    _, asked, *votes = desk.thread(conversation)
    assert [one["content"] for one in votes] == [
        "📊 Voted: Tue, \\*Wed\\*",
        "📊 The vote was taken back",
    ]
    assert {one["content_attributes"]["in_reply_to"] for one in votes} == {asked["id"]}


NOISE = [
    "ephemeral_setting",
    "protocol",
    "senderKeyDistribution",
    "pinInChat",
    "keepInChatMessage",
    "appStateSyncKeyShare",
    "history_sync_notification",
    "e2e_notification",
    "album",
]


def test_what_devices_tell_each_other_opens_nothing_and_shows_nothing(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    desk.resolve(conversation)
    for kind in NOISE:
        say(desk, number, type=kind)
    other, elsewhere = desk.meet("a text that is told later")
    desk.settled(number)
    assert desk.texts(conversation) == ["hello"]
    assert [one["status"] for one in desk.conversations(number)] == ["resolved"]


def test_words_of_a_quoted_message_that_is_not_in_the_conversation_stand_above(
    desk: Desk, chat: tuple[str, int]
) -> None:
    number, conversation = chat
    quoted = {"conversation": "Do you mean *the blue* model?\nOr the red?"}
    say(desk, number, "yes", context={"stanzaId": "OLD1", "quotedMessage": quoted})
    said = "> Do you mean **the blue** model?\n> Or the red?\n\nyes"
    assert desk.arrived(conversation, 2)["content"] == said
    say(desk, number, "and this", reply={"message_id": "OLD2", "text": "our price list"})
    assert desk.arrived(conversation, 3)["content"] == "> our price list\n\nand this"


def test_a_quote_across_conversations_stands_as_text(desk: Desk) -> None:
    with desk.options(reopenResolved=False):
        number = desk.number()
        first = say(desk, number, "price of the blue one?")
        conversation = desk.conversation(number)
        desk.arrived(conversation, 1)
        desk.resolve(conversation)
        say(desk, number, "still waiting", context={"stanzaId": first})
        until(lambda: len(desk.conversations(number)) == 2, "a second conversation")
        second = int(desk.conversations(number)[1]["id"])
        assert desk.texts(second) == ["> price of the blue one?\n\nstill waiting"]


@pytest.mark.parametrize("name", ["\u200b\u2060", "  ", "\u3164", "\u202e\u200f"])
def test_a_name_that_nobody_can_see_is_no_name(desk: Desk, name: str) -> None:
    number = desk.number()
    desk.raw(party(number, name), f"NM{number}", "n")
    assert desk.contact(desk.conversation(number))["name"] == f"+{number}"


def test_what_turns_the_reading_direction_is_not_in_a_name(desk: Desk) -> None:
    number = desk.number()
    desk.raw(party(number, "\u202eliv\u2066e"), f"NM{number}", "n")
    assert desk.contact(desk.conversation(number))["name"] == "live"


def test_hosted_addresses_are_the_same_person(desk: Desk) -> None:
    number, conversation = desk.meet()
    desk.raw({"jid": f"{number}:99@hosted"}, f"HO{number}", "from hosted")
    desk.shows(conversation, "hello", "from hosted")


def test_a_message_through_a_customers_list_is_in_the_customers_chat(desk: Desk) -> None:
    number, conversation = desk.meet()
    desk.raw({"jid": "1690000000@broadcast"}, f"BL{number}", "to my list", sender=party(number))
    desk.shows(conversation, "hello", "to my list")


def test_what_leads_to_nobody_is_counted(desk: Desk) -> None:
    def counted(kind: str) -> int:
        sql = "select coalesce(sum(times), 0) from unrouted where kind = ?"
        return int(desk.rows(sql, kind)[0][0])

    for address, kind in [
        ("13135550002@bot", "bot"),
        ("status@broadcast", "story"),
        ("120363111111111111@newsletter", "newsletter"),
        ("5511900000077@interop", "interop"),
    ]:
        before = counted(kind)
        desk.raw({"jid": address}, f"NO{address}", "words")

        def is_counted(kind: str = kind, before: int = before) -> bool:
            return counted(kind) == before + 1

        until(is_counted, f"{kind} counted")
    metrics = requests.get(f"{desk.bridge.base_url}/metrics", timeout=10).text
    assert 'chatwoot_bridge_not_routed_total{instance="sandbox-phone",kind="bot"}' in metrics


def test_history_is_not_brought_over(desk: Desk, chat: tuple[str, int]) -> None:
    number = desk.number()
    data = {
        "id": f"HI{number}",
        "direction": "incoming",
        "timestamp": "2026-01-05T10:00:00-03:00",
        "chat": {"type": "private", **party(number)},
        "sender": party(number),
        "message": {"type": "text", "content": "last winter", "source": ""},
    }
    desk.phone.control("POST", "events", {"event": "message.exchange", "data": data})
    data |= {"id": f"HN{number}", "timestamp": now()}
    data["message"] = {"type": "text", "content": "today", "source": ""}
    desk.phone.control("POST", "events", {"event": "message.exchange", "data": data})
    desk.shows(desk.conversation(number), "today")
