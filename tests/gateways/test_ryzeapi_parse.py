"""RyzeAPI's events as neutral ones: both shapes of docs/contracts/ryzeapi.md, Events, and all
else."""

import copy
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.domain.messages import (
    Address,
    ChatKind,
    ConnectionChange,
    ContactCard,
    DeliveryStatus,
    Event,
    GroupName,
    Kind,
    Location,
    Media,
    Message,
    Receipt,
    RichContent,
    RichKind,
    RichRow,
)
from bridge.routing import jobs
from tests.gateways.cases import NAMES, NOW, adapter, event_of, parsed, payload

JOAO = Address("5511988887777@s.whatsapp.net", "100000000000001@lid", "João")
MARIA = Address("", "200000000000002@lid", "Maria")
FAMILY = Address("120363000000000001@g.us", "", "Família")
OWN = Address("5511900000001@s.whatsapp.net", "900000000000001@lid", "Loja")
FIRST, SENT = "3A00000000000000000001", "3EB0AAAAAAAAAAAAAAAAAA"
ANA = ContactCard(
    "Ana Silva",
    ("+55 11 97777-6666", "+55 11 3333-4444"),
    "Padaria, Pão & Cia Vendas",
    "ana@example.com",
)

#: What each payload must say; what is not named is as in a private text that João sent.
MESSAGES: dict[str, dict[str, Any]] = {
    "live-text": {"text": "Olá, tudo bem?"},
    "live-text-braces": {"text": "{}"},
    "live-text-lid-with-device": {"text": "oi"},
    "live-text-lid-only": {
        "text": "oi",
        "chat": Address("", JOAO.lid, "João"),
        "sender": Address("", JOAO.lid, "João"),
    },
    "live-text-bare-lid": {
        "text": "oi",
        "chat": Address("", JOAO.lid, "João"),
        "sender": Address("", JOAO.lid, "João"),
    },
    "live-reply": {"text": "pode ser", "quoted_id": SENT, "quoted_text": "Pode ser hoje?"},
    "live-group-text": {
        "text": "combinado",
        "chat": FAMILY,
        "chat_kind": ChatKind.GROUP,
        "sender": MARIA,
        "mentions": (Address(OWN.jid),),
    },
    "live-voice-note": {"kind": Kind.VOICE, "media": Media("audio/mpeg", seconds=3)},
    "live-audio": {"kind": Kind.AUDIO, "media": Media("audio/mp4", "song.m4a")},
    "live-image-on-the-gateway": {
        "kind": Kind.IMAGE,
        "media": Media("image/jpeg", url="https://gateway.example:443/files/abc.jpg"),
    },
    "live-document-as-file": {
        "kind": Kind.DOCUMENT,
        "text": "o orçamento",
        "media": Media("application/pdf", "Orçamento 2026.pdf"),
    },
    "live-voice-misfiled": {"kind": Kind.VOICE, "media": Media("audio/ogg")},
    "live-video": {
        "kind": Kind.VIDEO,
        "text": "veja",
        "forwarded": True,
        "media": Media("video/mp4", seconds=12),
    },
    "live-sticker": {"kind": Kind.STICKER, "media": Media("image/webp")},
    "live-buttons-response": {"kind": Kind.CHOICE, "text": "confirm-42"},
    "live-list-response": {"kind": Kind.CHOICE, "text": "Segunda via"},
    "live-edit": {"kind": Kind.EDIT, "text": "Olá, tudo certo?", "target_id": FIRST},
    "live-edit-with-the-same-id": {
        "kind": Kind.EDIT,
        "text": "Olá, tudo certo?",
        "target_id": FIRST,
    },
    "live-revoke-with-own-id": {"kind": Kind.REVOKE, "target_id": FIRST},
    "live-revoke-in-context": {"kind": Kind.REVOKE, "target_id": FIRST},
    "live-reaction": {"kind": Kind.REACTION, "text": "👍", "target_id": SENT},
    "live-reaction-removed": {"kind": Kind.REACTION, "target_id": SENT},
    "live-location": {
        "kind": Kind.LOCATION,
        "location": Location(-23.5614, -46.6559, "MASP", "Av. Paulista, 1578"),
    },
    "live-location-impossible": {"kind": Kind.UNKNOWN, "label": "location"},
    "live-contact": {"kind": Kind.CONTACT, "cards": (ANA,)},
    "live-contacts": {
        "kind": Kind.CONTACT,
        "cards": (ANA, ContactCard("Rui", ("+351 912 345 678",))),
    },
    "live-poll": {"kind": Kind.POLL, "text": "Qual dia?", "options": ("sábado", "domingo")},
    "live-typed-on-the-phone": {"text": "já respondo", "sender": OWN, "from_me": True},
    "live-echo-of-ours": {
        "text": "Boa tarde!",
        "sender": OWN,
        "from_me": True,
        "source": "bridge-7f3a",
    },
    "live-unknown-type": {"kind": Kind.UNKNOWN, "label": "product_catalog"},
    "live-newsletter": {
        "text": "news",
        "chat": Address("120363111111111111@newsletter", "", "Canal"),
        "chat_kind": ChatKind.OTHER,
    },
    "live-story": {
        "text": "hoje",
        "chat": Address("status@broadcast"),
        "chat_kind": ChatKind.OTHER,
    },
    "live-absurd-time": {"text": "oi", "at": NOW},
    "live-epoch-milliseconds": {"text": "oi", "at": 1_790_613_785.0},
    "catalogue-text": {"text": "Bom dia"},
    "catalogue-text-illustrative-addresses": {
        "text": "Bom dia",
        "chat": Address(JOAO.jid, "", "João"),
        "sender": Address(JOAO.jid, "", "João"),
    },
    "catalogue-ptt": {"kind": Kind.VOICE, "media": Media("audio/ogg", seconds=7)},
    "catalogue-ptv": {"kind": Kind.VIDEO, "media": Media("video/mp4")},
    "catalogue-sticker-without-mime": {"kind": Kind.STICKER, "media": Media()},
    "catalogue-reply": {"text": "sim", "quoted_id": SENT, "quoted_text": "Pode ser hoje?"},
    "catalogue-edit": {"kind": Kind.EDIT, "text": "novo", "target_id": FIRST},
    "catalogue-revoke": {"kind": Kind.REVOKE, "target_id": FIRST},
    "catalogue-reaction-in-content": {"kind": Kind.REACTION, "text": "❤️", "target_id": SENT},
    "catalogue-button": {"kind": Kind.CHOICE, "text": "Confirmar"},
    "catalogue-template-button": {"kind": Kind.CHOICE, "text": "Falar com atendente"},
    "catalogue-list": {"kind": Kind.CHOICE, "text": "Segunda via"},
}
SPOOLED = {
    "live-image-base64": ("segue a foto", "foto.png", JOAO),
    "catalogue-group-image": (
        "a foto",
        "",
        Address("5511988887777-1600000000@g.us", "", "Família"),
    ),
}


def one(name: str, spool: Path) -> Message:
    (received,) = parsed(payload(name), spool)
    return event_of(received, Message)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_says_what_the_payload_says(name: str, tmp_path: Path) -> None:
    message, expected = one(name, tmp_path), MESSAGES[name]
    is_live = name.startswith("live-")
    defaults: dict[str, Any] = {
        "chat": JOAO,
        "chat_kind": ChatKind.PRIVATE,
        "sender": JOAO,
        "from_me": False,
        "kind": Kind.TEXT,
        "at": 1_790_614_985.0 if is_live else 1_776_680_130.0,
        "id": message.id,
    }
    assert message == Message(**{**defaults, **expected})
    assert message.id.startswith("3")
    assert jobs.decode(jobs.encode(message)) == message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", SPOOLED)
def test_a_file_in_the_event_is_written_where_only_we_can_read_it(
    name: str, tmp_path: Path
) -> None:
    message, (text, file_name, chat) = one(name, tmp_path), SPOOLED[name]
    assert message.media is not None
    path = Path(message.media.spooled)
    assert path.parent == tmp_path
    assert path.read_bytes() == b"\x89PNG\r\n\x1a\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.name) >= 32
    assert (message.kind, message.text, message.chat) == (Kind.IMAGE, text, chat)
    assert (message.media.file_name, message.media.mime_type) == (file_name, "image/png")


@pytest.mark.parametrize("broken", ["%%%", "data:image/png;base64,", "iVBORw0KGgo=AAAA", "ção"])
def test_a_file_that_is_no_base64_is_left_to_be_fetched(broken: Any, tmp_path: Path) -> None:
    body = payload("live-image-base64")
    body["data"]["message"]["media"]["base64"] = broken
    (received,) = parsed(body, tmp_path)
    media = event_of(received, Message).media
    assert media is not None
    assert media.spooled == ""
    assert not list(tmp_path.iterdir())


def test_a_spool_that_cannot_be_written_loses_no_message(tmp_path: Path) -> None:
    (received,) = parsed(payload("live-image-base64"), tmp_path / "missing")
    media = event_of(received, Message).media
    assert media is not None
    assert media.spooled == ""


def test_receipts_come_one_by_one_so_that_a_batch_hides_no_repetition(tmp_path: Path) -> None:
    told = parsed(payload("status-delivered-two"), tmp_path)
    assert [each.key for each in told] == ["receipt:3EB0A:delivered", "receipt:3EB0B:delivered"]
    receipts = [event_of(each, Receipt) for each in told]
    assert [receipt.ids for receipt in receipts] == [("3EB0A",), ("3EB0B",)]
    assert {receipt.reached for receipt in receipts} == {DeliveryStatus.DELIVERED}
    assert receipts[0].chat.jid == JOAO.jid


@pytest.mark.parametrize(
    ("name", "reached"),
    [
        ("status-played", DeliveryStatus.READ),
        ("status-server-error", DeliveryStatus.FAILED),
        ("status-in-message", DeliveryStatus.READ),
    ],
)
def test_a_status_climbs_the_ladder(name: str, reached: Any, tmp_path: Path) -> None:
    (received,) = parsed(payload(name), tmp_path)
    receipt = event_of(received, Receipt)
    assert (receipt.ids, receipt.reached) == (("3EB0A",), reached)


@pytest.mark.parametrize(
    "name",
    ["status-read-self", "status-pending", "call", "label", "group-joined", "state-pair-success"],
)
def test_what_means_nothing_to_us_gives_nothing(name: str, tmp_path: Path) -> None:
    assert parsed(payload(name), tmp_path) == []


@pytest.mark.parametrize(
    ("name", "is_connected"),
    [("state-connected", True), ("state-logged-out", False), ("state-temp-banned", False)],
)
def test_the_state_of_the_connection_is_told(name: str, is_connected: Any, tmp_path: Path) -> None:
    (received,) = parsed(payload(name), tmp_path)
    state = payload(name)["data"]["state"]
    assert received.event == ConnectionChange(is_connected, state, OWN.jid)
    assert received.key == parsed(payload(name), tmp_path)[0].key


def test_a_new_name_of_a_group_is_told(tmp_path: Path) -> None:
    (received,) = parsed(payload("group-renamed"), tmp_path)
    assert received.event == GroupName(Address(FAMILY.jid, "", "Família nova"))


def test_every_payload_has_an_expectation() -> None:
    others = {name for name in NAMES if name.startswith(("status-", "state-", "group-", "call"))}
    assert set(NAMES) == set(MESSAGES) | set(SPOOLED) | others | {"label"}


@pytest.mark.parametrize("name", NAMES)
def test_a_redelivery_has_the_same_key_and_no_credential_gets_through(
    name: str, tmp_path: Path
) -> None:
    first, again = (parsed(payload(name), tmp_path) for _ in range(2))
    assert [each.key for each in first] == [each.key for each in again]
    assert len({each.key for each in first}) == len(first)
    told = json.dumps([msgspec.json.encode(each.event).decode() for each in first]) + repr(first)
    assert "live-instance-token" not in told
    assert "169.254" not in told
    assert "mmg.whatsapp.net" not in told


def test_what_happens_to_a_message_never_shares_its_key(tmp_path: Path) -> None:
    names = ["live-text", "live-edit", "live-edit-with-the-same-id", "live-revoke-with-own-id"]
    keys = [parsed(payload(name), tmp_path)[0].key for name in [*names, "live-reaction"]]
    assert len(set(keys)) == len(keys)


def test_two_edits_under_one_id_have_two_keys(tmp_path: Path) -> None:
    first = payload("live-edit-with-the-same-id")
    second = copy.deepcopy(first)
    second["data"]["message"]["content"] = "mais uma vez"
    later = copy.deepcopy(first)
    later["data"]["timestamp"] = "2026-09-28T14:09:00-03:00"
    keys = {parsed(body, tmp_path)[0].key for body in (first, second, later)}
    assert len(keys) == 3


def test_both_shapes_at_once_are_read_and_the_live_routing_counts(tmp_path: Path) -> None:
    body = payload("live-text")
    body["data"]["message"] |= {
        "id": "INNER",
        "direction": "outgoing",
        "chat": {"jid": "5521999990000@s.whatsapp.net", "type": "private"},
        "content": {"text": "dentro"},
    }
    (received,) = parsed(body, tmp_path)
    message = event_of(received, Message)
    assert (message.id, message.chat, message.from_me) == (FIRST, JOAO, False)
    assert message.text == "dentro"


def test_half_characters_and_nul_do_not_reach_the_databases(tmp_path: Path) -> None:
    body = payload("live-text")
    body["data"]["message"]["content"] = "a\ud83d b\0c 👍"
    (received,) = parsed(body, tmp_path)
    message = event_of(received, Message)
    assert message.text == "a bc 👍"
    assert msgspec.json.decode(msgspec.json.encode(message), type=Event) == message


def test_a_message_without_an_id_gets_one_that_stays(tmp_path: Path) -> None:
    body = payload("live-text")
    del body["data"]["id"]
    (first,), (again,) = parsed(body, tmp_path), parsed(body, tmp_path)
    assert event_of(first, Message).id.startswith("none-")
    assert first == again


def test_only_addresses_of_the_gateway_itself_are_kept(tmp_path: Path) -> None:
    body = payload("live-image-on-the-gateway")
    for url in ("http://gateway.example/x", "https://gateway.example.evil.net/x", "//x", "a:b:c"):
        body["data"]["message"]["media"]["s3Url"] = url
        (received,) = parsed(body, tmp_path)
        media = event_of(received, Message).media
        assert media is not None
        assert media.url == ""


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.text(alphabet=st.characters(categories=["Cs", "Lu"]), max_size=5)
    | st.sampled_from(["incoming", "outgoing", "5511988887777", "1@lid", "1@g.us", "{}", "image"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
EVENTS = st.sampled_from(
    ["message.exchange", "message.status", "instance.state", "group.flow", "call.update"]
)
#: Parts that a message may lay words out in, or that stand around them.
PARTS = st.sampled_from(
    [
        "order",
        "product",
        "invoiceMessage",
        "groupInvite",
        "event",
        "interactive",
        "template",
        "list",
        "buttons",
        "sections",
        "context",
        "contextInfo",
        "mentions",
        "poll",
        "vote",
        "location",
        "contact",
        "media",
        "reaction",
        "edit",
        "revoke",
    ]
)
FIELDS = st.sampled_from(
    [
        "title",
        "body",
        "text",
        "header",
        "footer",
        "buttons",
        "sections",
        "rows",
        "cards",
        "items",
        "product",
        "message",
        "quotedMessage",
        "externalAdReply",
        "mentionedJid",
        "nativeFlowMessage",
        "buttonParamsJson",
        "startTime",
        "priceAmount1000",
        "itemCount",
        "selectedOptions",
        "name",
        "url",
        "location",
        "amount",
        "carousel",
    ]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.dictionaries(st.text(max_size=8), JSON), event=EVENTS | JSON, data=JSON)
def test_random_json_raises_nothing(body: Any, event: Any, data: Any, tmp_path: Path) -> None:
    check(body | {"event": event, "data": data}, tmp_path)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=PARTS | st.text(max_size=8),
    parts=st.dictionaries(
        PARTS,
        st.recursive(
            JSON, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner)
        ),
        max_size=3,
    ),
)
def test_random_layouts_raise_nothing(kind: str, parts: Any, tmp_path: Path) -> None:
    body = payload("live-text")
    body["data"]["message"] |= {"type": kind, "content": "", **parts}
    check(body, tmp_path)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(NAMES), choices=st.lists(st.integers(0), max_size=4), value=JSON)
def test_mutated_payloads_raise_nothing(
    name: str, choices: Any, value: Any, tmp_path: Path
) -> None:
    body = payload(name)
    for choice in choices:
        spot = body["data"]
        while isinstance(spot, dict) and spot:
            key = sorted(spot)[choice % len(spot)]
            if not isinstance(spot[key], dict) or choice % 3 == 0:
                spot[key] = copy.deepcopy(value)
                break
            spot = spot[key]
            choice //= 2
    check(body, tmp_path)


def check(body: Any, spool: Any) -> None:
    """Whatever it says, it can be written to the journal and read again."""
    for received in adapter().parse(body, now=NOW, spool=spool):
        assert received.key
        received.key.encode()
        assert (
            msgspec.json.decode(msgspec.json.encode(received.event), type=Event) == received.event
        )
        if isinstance(received.event, Message):
            assert received.event.id
            assert received.event.chat.jid or received.event.chat.lid


def test_a_message_that_an_older_version_stored_is_read_whole() -> None:
    stored = {
        "type": "message", "id": "A", "chat": {"jid": "1@g.us"}, "chat_kind": "group",
        "sender": {}, "from_me": False, "kind": "layout", "at": 1.0, "forwarded": True,
        "place": {"latitude": 1.0, "longitude": 2.0},
        "layout": {"sort": "order", "title": "Pedido", "rows": [{"text": "Pão"}]},
    }  # fmt: skip
    message = msgspec.json.decode(msgspec.json.encode(stored), type=Message)
    assert (message.kind, message.reference) == (Kind.RICH, "A")
    assert message.location == Location(1.0, 2.0)
    assert message.rich == RichContent(RichKind.ORDER, title="Pedido", rows=(RichRow("Pão"),))
