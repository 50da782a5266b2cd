"""What every gateway must do: one suite, run against the far side of each (see `stands.py`)."""

import socket
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.domain.messages import (
    MEDIA,
    Address,
    ChatKind,
    ConnectionChange,
    DeliveryStatus,
    Event,
    GroupName,
    Kind,
    Media,
    Message,
    Receipt,
    Reply,
)
from bridge.gateways.base import Gateway as WhatsAppGateway
from bridge.gateways.base import (
    GatewayDenies,
    GatewayError,
    GatewayFronted,
    GatewayRefuses,
    GatewayUnavailable,
    GatewayUncertain,
    Received,
)
from bridge.net.deadline import Deadline
from tests.gateways.cases import event_of
from tests.gateways.stands import FAMILY, JOAO, JOAO_LID, NOBODY, Receiver, RyzeStand
from tests.sandbox_phone.phone_client import eventually, free_port

SECRET = "Bearer a-secret-of-the-webhook"
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9


def soon() -> Deadline:
    return Deadline(15)


def text(said: str = "Boa tarde!", **fields: Any) -> Reply:
    return Reply(**{"to": JOAO, "kind": Kind.TEXT, "text": said, **fields})


def sent(gateway: WhatsAppGateway, reply: Reply, source: str = "bridge-1") -> str:
    answer = gateway.send(reply, source=source, deadline=soon())
    assert answer.message_id
    assert answer.reference
    return answer.message_id


@pytest.fixture
def heard(gateway: WhatsAppGateway, receiver: Receiver, tmp_path: Path) -> Callable[..., Any]:
    """A webhook is registered; heard(n) waits for n events that are not receipts."""
    gateway.register_webhook(receiver.url, SECRET, deadline=soon())

    def events(count: int = 1, kind: type[Event] = Message) -> list[Received]:
        def found() -> list[Received] | None:
            bodies = [request["body"] for request in list(receiver.requests)]
            told = [
                one
                for body in bodies
                for one in gateway.parse(body, now=time.time(), spool=tmp_path)
                if isinstance(one.event, kind)
            ]
            return told if len(told) >= count else None

        return eventually(found)

    return events


class TestSending:
    @pytest.mark.smoke
    def test_a_text_arrives_with_our_mark_and_comes_back_as_an_echo(
        self, stand: RyzeStand, gateway: WhatsAppGateway, heard: Any
    ) -> None:
        message_id = sent(gateway, text(), source="bridge-77")
        (arrived,) = stand.arrived()
        assert (arrived["id"], arrived["kind"], arrived["text"]) == (
            message_id, "text", "Boa tarde!",
        )  # fmt: skip
        (echo,) = heard()
        assert echo.event.from_me
        assert (echo.event.id, echo.event.chat.jid) == (message_id, JOAO)
        if gateway.echoes_source:
            assert echo.event.source == "bridge-77"

    @pytest.mark.parametrize("to", [JOAO, JOAO_LID, FAMILY])
    def test_it_reaches_people_and_groups_by_each_address(
        self, stand: RyzeStand, gateway: WhatsAppGateway, to: str
    ) -> None:
        sent(gateway, text(to=to))
        assert len(stand.arrived(FAMILY if to == FAMILY else JOAO)) == 1

    @pytest.mark.parametrize(
        ("kind", "mime", "name", "arrives_as"),
        [
            (Kind.IMAGE, "image/png", "foto.png", "image"),
            (Kind.VIDEO, "video/mp4", "v.mp4", "video"),
            (Kind.AUDIO, "audio/mpeg", "música.mp3", "audio"),
            (Kind.VOICE, "audio/ogg", "", "voice"),
            (Kind.DOCUMENT, "application/pdf", "Orçamento.pdf", "document"),
        ],
    )
    def test_a_file_arrives_as_what_it_is(
        self,
        stand: RyzeStand,
        gateway: WhatsAppGateway,
        tmp_path: Path,
        kind: str,
        mime: str,
        name: str,
        arrives_as: Any,
    ) -> None:
        file = tmp_path / "file"
        file.write_bytes(PICTURE)
        caption = "" if kind in (Kind.VOICE, Kind.AUDIO) else "veja"
        reply = text(caption, kind=kind, file=str(file), mime_type=mime, file_name=name, seconds=3)
        message_id = sent(gateway, reply)
        (arrived,) = stand.arrived()
        assert (arrived["id"], arrived["kind"], arrived["file"]) == (
            message_id, arrives_as, PICTURE,
        )  # fmt: skip
        assert arrived["media"]["mime"] == mime
        assert arrived["text"] == caption
        if kind is Kind.DOCUMENT:
            assert arrived["media"]["name"] == name

    def test_a_large_file_is_never_in_memory_whole(
        self, stand: RyzeStand, gateway: WhatsAppGateway, tmp_path: Path
    ) -> None:
        file = tmp_path / "file"
        file.write_bytes(b"0123456789abcdef" * 1024 * 1024)
        tracemalloc.start()
        sent(gateway, text("", kind=Kind.DOCUMENT, file=str(file), file_name="big.bin"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * 1024 * 1024
        assert stand.arrived()[0]["media"]["size"] == 16 * 1024 * 1024

    def test_a_reply_quotes_by_the_reference_that_came_with_the_message(
        self, stand: RyzeStand, gateway: WhatsAppGateway, heard: Any
    ) -> None:
        asked = stand.customer("text", text="Que horas?")
        (told,) = heard()
        sent(gateway, text("às três", quoted=told.event.reference))
        assert stand.arrived()[0]["quote"] == asked

    def test_a_message_is_deleted_by_its_reference(
        self, stand: RyzeStand, gateway: WhatsAppGateway, heard: Any
    ) -> None:
        answer = gateway.send(text("um"), source="s", deadline=soon())
        typed = stand.owner("dois")
        by_id = {told.event.id: told.event.reference for told in heard(2)}
        assert by_id[answer.message_id] == answer.reference
        sent(gateway, text("três"))
        for _ in range(2):
            gateway.delete(JOAO, answer.reference, deadline=soon())
        gateway.delete(JOAO, by_id[typed], deadline=soon())
        found = {one["id"]: one["revoked"] for one in stand.arrived()}
        assert [found[answer.message_id], found[typed]] == [True, True]
        assert list(found.values()).count(True) == 2

    def test_what_is_no_text_and_no_file_is_refused_without_a_call(
        self, stand: RyzeStand, gateway: WhatsAppGateway
    ) -> None:
        for kind in set(Kind) - {Kind.TEXT, *MEDIA - {Kind.STICKER}}:
            with pytest.raises(GatewayRefuses):
                gateway.send(text(kind=kind), source="s", deadline=soon())
        assert stand.calls() == []

    def test_a_file_that_is_gone_is_refused(self, gateway: WhatsAppGateway, tmp_path: Path) -> None:
        reply = text(kind=Kind.IMAGE, file=str(tmp_path / "gone"))
        with pytest.raises(GatewayRefuses, match="file"):
            gateway.send(reply, source="s", deadline=soon())


class TestFailures:
    def fails(
        self,
        gateway: WhatsAppGateway,
        expected: type[GatewayError],
        reply: Reply | None = None,
        deadline: Deadline | None = None,
    ) -> GatewayError:
        with pytest.raises(GatewayError) as raised:
            gateway.send(reply or text(), source="s", deadline=deadline or soon())
        assert type(raised.value) is expected
        assert RyzeStand.token not in f"{raised.value}{raised.value.values}{raised.value.detail}"
        return raised.value

    def test_nobody_listens(self, stand: RyzeStand) -> None:
        gateway = stand.gateway(base_url=f"http://127.0.0.1:{free_port()}")
        failure = self.fails(gateway, GatewayUnavailable)
        assert "connection refused" in str(failure.values["reason"])
        assert failure.retryable

    def test_the_name_does_not_exist(self, stand: RyzeStand) -> None:
        self.fails(stand.gateway(base_url="http://gateway.invalid"), GatewayUnavailable)

    def test_the_number_is_not_connected(self, stand: RyzeStand, gateway: WhatsAppGateway) -> None:
        stand.connect(False)
        failure = self.fails(gateway, GatewayUnavailable)
        assert "not connected" in str(failure)
        assert not gateway.check(deadline=soon())

    def test_the_number_is_not_on_whatsapp(
        self, stand: RyzeStand, gateway: WhatsAppGateway
    ) -> None:
        failure = self.fails(gateway, GatewayRefuses, text(to=NOBODY))
        assert "is not on WhatsApp" in str(failure.values["reason"])
        assert not failure.retryable

    def test_the_quoted_message_is_unknown(self, gateway: WhatsAppGateway) -> None:
        self.fails(gateway, GatewayRefuses, text(quoted="3A0000"))

    def test_a_deletion_of_an_unknown_message(self, gateway: WhatsAppGateway) -> None:
        with pytest.raises(GatewayRefuses):
            gateway.delete(JOAO, "3A0000", deadline=soon())

    def test_the_token_is_wrong(self, stand: RyzeStand) -> None:
        failure = self.fails(stand.gateway(token="another-token"), GatewayDenies)
        assert "another-token" not in f"{failure}{failure.values}"

    def test_the_instance_is_another(self, stand: RyzeStand) -> None:
        self.fails(stand.gateway(instance="nowhere/../x?y"), GatewayDenies)

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_a_denial_of_the_instance_is_for_the_operator_to_correct(
        self, stand: RyzeStand, gateway: WhatsAppGateway, status: int
    ) -> None:
        stand.fault("status", status=status, times=None)
        self.fails(gateway, GatewayDenies)

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_a_denial_of_one_request_passes(
        self, stand: RyzeStand, gateway: WhatsAppGateway, status: int
    ) -> None:
        stand.fault("status", status=status, message="404 page not found")
        assert self.fails(gateway, GatewayUnavailable).retryable

    @pytest.mark.parametrize("raw", ["<html>Attention Required!</html>", '{"code": 1020}'])
    @pytest.mark.parametrize("status", [301, 307, 400, 401, 402, 403, 404, 406, 418, 428, 451])
    def test_a_refusal_in_other_words_is_somebody_elses(
        self, stand: RyzeStand, gateway: WhatsAppGateway, status: int, raw: Any
    ) -> None:
        stand.fault("status", status=status, raw=raw, times=None)
        self.fails(gateway, GatewayFronted)
        with pytest.raises(GatewayFronted):
            gateway.check(deadline=soon())

    def test_a_denial_that_nobody_can_confirm_passes(
        self, stand: RyzeStand, gateway: WhatsAppGateway
    ) -> None:
        stand.fault("status", status=401)
        stand.fault("status", status=403, raw="<html>", times=None)
        self.fails(gateway, GatewayFronted)

    @pytest.mark.parametrize(
        "raw",
        [
            "<html>Welcome</html>",
            "{}",
            '{"success": true}',
            '{"success": true, "data": {}}',
            '{"success": true, "data": {"messageId": ""}}',
            '{"data": {"messageId": "3EB0"}}',
            '{"success": "yes", "data": {"messageId": "3EB0"}}',
            '{"success": false, "error": {"message": "no"}}',
        ],
    )
    @pytest.mark.parametrize("status", [200, 201, 202, 204])
    def test_a_success_without_what_it_promises_leaves_it_open(
        self, stand: RyzeStand, gateway: WhatsAppGateway, status: int, raw: Any
    ) -> None:
        stand.fault("status_after", status=status, raw=raw)
        self.fails(gateway, GatewayUncertain)
        assert len(stand.arrived()) == 1

    @pytest.mark.parametrize("status", [500, 502, 504, 408])
    def test_an_error_of_the_gateway_leaves_it_open(
        self, stand: RyzeStand, gateway: WhatsAppGateway, status: int
    ) -> None:
        stand.fault("status", status=status)
        self.fails(gateway, GatewayUncertain)

    @pytest.mark.parametrize("status", [400, 409, 413, 422, 501])
    def test_a_refusal_is_for_good_and_in_the_gateways_own_words(
        self, stand: RyzeStand, gateway: WhatsAppGateway, status: int
    ) -> None:
        stand.fault("status", status=status, message="this is too much")
        assert self.fails(gateway, GatewayRefuses).values["reason"] == "this is too much"

    def test_throttling_says_for_how_long(self, stand: RyzeStand, gateway: WhatsAppGateway) -> None:
        stand.fault("status", status=429, seconds=40)
        failure = self.fails(gateway, GatewayUnavailable)
        assert 35 < failure.retry_after_s <= 40

    def test_a_connection_that_is_cut_after_the_action_leaves_it_open(
        self, stand: RyzeStand, gateway: WhatsAppGateway
    ) -> None:
        stand.fault("drop_after")
        self.fails(gateway, GatewayUncertain)
        assert len(stand.arrived()) == 1

    def test_a_connection_that_is_cut_before_the_action_leaves_it_open(
        self, stand: RyzeStand, gateway: WhatsAppGateway
    ) -> None:
        stand.fault("drop_before")
        self.fails(gateway, GatewayUncertain)
        assert stand.arrived() == []

    def test_an_answer_that_comes_too_late_leaves_it_open(
        self, stand: RyzeStand, gateway: WhatsAppGateway
    ) -> None:
        stand.fault("slow_after", seconds=2)
        began = time.monotonic()
        self.fails(gateway, GatewayUncertain, deadline=Deadline(0.5))
        assert time.monotonic() - began < 1.5

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
            b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"success":false}',
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
            b"HTTP/1.1 503 Busy\r\nContent-Length: 6\r\n\r\n<html>",
            b"nonsense\r\n\r\n",
            b"",
        ],
    )
    def test_an_answer_that_cannot_be_read_leaves_it_open(
        self, stand: RyzeStand, answer: Any
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            thread = threading.Thread(target=self.answers, args=(server, answer))
            thread.start()
            address = f"http://127.0.0.1:{server.getsockname()[1]}"
            self.fails(stand.gateway(base_url=address), GatewayUncertain)
            thread.join()

    @staticmethod
    def answers(server: Any, answer: Any) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)

    def test_what_may_be_done_twice_is_never_uncertain(
        self, stand: RyzeStand, gateway: WhatsAppGateway
    ) -> None:
        reference = gateway.send(text("um"), source="s", deadline=soon()).reference
        for fault in ({"kind": "drop_after"}, {"kind": "status", "status": 500}):
            stand.fault(**fault)
            with pytest.raises(GatewayUnavailable):
                gateway.delete(JOAO, reference, deadline=soon())


class TestReceiving:
    CUSTOMER: dict[str, tuple[dict[str, Any], Kind]] = {
        "text": ({"text": "Olá"}, Kind.TEXT),
        "image": ({"text": "veja"}, Kind.IMAGE),
        "voice": ({}, Kind.VOICE),
        "audio": ({}, Kind.AUDIO),
        "document": ({}, Kind.DOCUMENT),
        "sticker": ({}, Kind.STICKER),
        "location": ({"latitude": -23.5, "longitude": -46.6, "place": "MASP"}, Kind.LOCATION),
        "contact": ({"contact_name": "Ana", "contact_phone": "+5511977776666"}, Kind.CONTACT),
        "poll": ({"title": "Qual dia?", "options": ["sábado", "domingo"]}, Kind.POLL),
        "buttons_response": ({"button_id": "yes", "title": "Sim"}, Kind.CHOICE),
        "list_response": ({"button_id": "row-1", "title": "Primeira"}, Kind.CHOICE),
    }

    def test_each_kind_is_told_in_each_shape(
        self, stand: RyzeStand, gateway: WhatsAppGateway, heard: Any
    ) -> None:
        expected = []
        for shape in stand.shapes:
            stand.speak(shape)
            for kind, (said, means) in self.CUSTOMER.items():
                expected.append((stand.customer(kind, **said), means))
        told = heard(len(expected))
        assert {(one.event.id, one.event.kind) for one in told} == set(expected)
        for one in told:
            assert one.event.chat.jid == one.event.sender.jid == JOAO
            assert (one.event.chat_kind, one.event.from_me) == (ChatKind.PRIVATE, False)
            assert one.event.source == ""
            assert abs(one.event.at - time.time()) < 30

    def test_what_happens_to_messages_is_told_in_each_shape(
        self, stand: RyzeStand, gateway: WhatsAppGateway, heard: Any
    ) -> None:
        expected = set()
        for shape in stand.shapes:
            stand.speak(shape)
            first = stand.customer("text", text="um")
            stand.customer("text", text="dois", quote=first)
            stand.customer("reaction", emoji="👍", target=first)
            stand.customer("edit", text="uno", target=first)
            stand.customer("revoke", target=first)
            expected |= {
                (Kind.TEXT, "dois", first, ""),
                (Kind.REACTION, "👍", "", first),
                (Kind.EDIT, "uno", "", first),
                (Kind.REVOKE, "", "", first),
            }
        told = heard(5 * len(stand.shapes))
        said = [one.event for one in told if one.event.text != "um"]
        assert {(e.kind, e.text, e.quoted_id, e.target_id) for e in said} == expected
        assert len({one.key for one in told}) == len(told)

    def test_a_group_has_its_name_and_the_sender_is_the_participant(
        self, stand: RyzeStand, gateway: WhatsAppGateway, heard: Any
    ) -> None:
        stand.customer("text", text="combinado", chat=FAMILY)
        (told,) = heard()
        assert (told.event.chat.jid, told.event.chat_kind) == (FAMILY, ChatKind.GROUP)
        assert told.event.chat.name
        assert told.event.sender.lid == JOAO_LID
        assert told.event.sender.name

    def test_a_lid_with_a_device_is_the_same_chat_and_no_phone(
        self, stand: RyzeStand, gateway: WhatsAppGateway, heard: Any
    ) -> None:
        stand.customer("text", text="oi", as_lid=True, device=57)
        (told,) = heard()
        assert told.event.chat.lid == JOAO_LID
        assert told.event.chat.jid in ("", JOAO)

    def test_what_is_typed_on_the_phone_is_outgoing_and_bears_no_mark(
        self, stand: RyzeStand, heard: Any
    ) -> None:
        stand.owner("já respondo")
        (told,) = heard()
        assert (told.event.from_me, told.event.source) == (True, "")
        assert told.event.chat.jid == JOAO

    def test_a_repetition_has_the_same_key(
        self, stand: RyzeStand, gateway: WhatsAppGateway, heard: Any
    ) -> None:
        stand.doubles()
        stand.customer("text", text="oi")
        first, again = heard(2)
        assert first == again

    def test_receipts_climb(self, stand: RyzeStand, gateway: WhatsAppGateway, heard: Any) -> None:
        message_id = sent(gateway, text())
        stand.reads(message_id)
        told = [one.event for one in heard(2, Receipt)]
        assert {(one.ids, one.reached) for one in told} == {
            ((message_id,), DeliveryStatus.DELIVERED),
            ((message_id,), DeliveryStatus.READ),
        }

    def test_the_connection_and_the_name_of_a_group_are_told(
        self, stand: RyzeStand, gateway: WhatsAppGateway, heard: Any
    ) -> None:
        stand.connect(False)
        stand.connect(True)
        stand.renames(FAMILY, "Família Silva")
        told = [one.event.connected for one in heard(2, ConnectionChange)]
        assert told == [False, True]
        (renamed,) = heard(1, GroupName)
        assert renamed.event.group == Address(FAMILY, "", "Família Silva")


class TestMedia:
    @pytest.fixture
    def picture(self, stand: RyzeStand, heard: Any) -> Message:
        stand.customer("image", file=PICTURE, text="veja")
        (told,) = heard()
        return event_of(told, Message)

    def fetch(
        self, gateway: WhatsAppGateway, message: Message, folder: Path, limit: int = 10**6
    ) -> Path:
        return gateway.fetch_media(message, to=folder, limit=limit, deadline=soon())

    def test_the_file_is_fetched_to_a_new_private_file(
        self, gateway: WhatsAppGateway, picture: Any, tmp_path: Path
    ) -> None:
        path = self.fetch(gateway, picture, tmp_path)
        assert path.parent == tmp_path
        assert path.read_bytes() == PICTURE
        assert path.stat().st_mode & 0o777 == 0o600
        assert list(tmp_path.iterdir()) == [path]

    def test_a_file_that_came_with_the_event_is_taken_without_a_call(
        self, gateway: WhatsAppGateway, picture: Any, tmp_path: Path
    ) -> None:
        spooled = tmp_path / "spooled"
        spooled.write_bytes(b"from the event")
        message = replace(picture, media=Media("image/png", spooled=str(spooled)))
        assert self.fetch(gateway, message, tmp_path) == spooled
        folder = tmp_path / "other"
        folder.mkdir()
        assert self.fetch(gateway, message, folder).read_bytes() == b"from the event"
        with pytest.raises(GatewayRefuses, match="larger"):
            self.fetch(gateway, message, tmp_path, limit=5)
        spooled.unlink()
        assert self.fetch(gateway, message, folder).read_bytes() == PICTURE

    def test_a_file_that_is_not_there_yet_is_waited_for(
        self, stand: RyzeStand, gateway: WhatsAppGateway, picture: Any, tmp_path: Path
    ) -> None:
        stand.media_is_late(2)
        for _ in range(2):
            with pytest.raises(GatewayUnavailable):
                self.fetch(gateway, picture, tmp_path)
        assert not list(tmp_path.iterdir())
        assert self.fetch(gateway, picture, tmp_path).read_bytes() == PICTURE

    @pytest.mark.parametrize("limit", [10, len(PICTURE) - 1])
    def test_a_file_that_is_too_large_is_refused_and_leaves_nothing(
        self, gateway: WhatsAppGateway, picture: Any, tmp_path: Path, limit: int
    ) -> None:
        with pytest.raises(GatewayRefuses, match=f"larger than {limit}"):
            self.fetch(gateway, picture, tmp_path, limit=limit)
        assert not list(tmp_path.iterdir())
        assert self.fetch(gateway, picture, tmp_path, limit=len(PICTURE)).is_file()

    def test_a_large_file_is_never_in_memory_whole(
        self, stand: RyzeStand, gateway: WhatsAppGateway, heard: Any, tmp_path: Path
    ) -> None:
        content = b"0123456789abcdef" * 1024 * 1024
        stand.customer("document", file=content, file_name="big.bin")
        (told,) = heard()
        tracemalloc.start()
        path = self.fetch(gateway, told.event, tmp_path, limit=10**8)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert path.stat().st_size == len(content)
        assert peak < 4 * 1024 * 1024

    @pytest.mark.parametrize("fault", ["drop_after", "status"])
    def test_a_failure_is_never_uncertain(
        self, stand: RyzeStand, gateway: WhatsAppGateway, picture: Any, tmp_path: Path, fault: Any
    ) -> None:
        stand.fault(fault)
        with pytest.raises(GatewayUnavailable):
            self.fetch(gateway, picture, tmp_path)
        assert not list(tmp_path.iterdir())

    def test_an_address_elsewhere_is_never_called(
        self, gateway: WhatsAppGateway, picture: Any, receiver: Receiver, tmp_path: Path
    ) -> None:
        elsewhere = replace(picture, media=replace(picture.media, url=receiver.url))
        before = len(receiver.requests)
        assert self.fetch(gateway, elsewhere, tmp_path).read_bytes() == PICTURE
        assert len(receiver.requests) == before


class TestTheRest:
    def test_reading_is_shown(self, stand: RyzeStand, gateway: WhatsAppGateway, heard: Any) -> None:
        ids = [stand.customer("text", text=said) for said in ("um", "dois", "três")]
        told = {one.event.id: one.event for one in heard(3)}
        gateway.mark_read(JOAO, told[ids[1]].reference, sender="", deadline=soon())
        assert stand.seen_ids() == {ids[1]}

    def test_reading_is_shown_in_a_group(
        self, stand: RyzeStand, gateway: WhatsAppGateway, heard: Any
    ) -> None:
        stand.customer("text", text="oi", chat=FAMILY)
        (told,) = heard()
        for sender in (told.event.sender.jid, ""):
            gateway.mark_read(FAMILY, told.event.reference, sender=sender, deadline=soon())

    def test_typing_is_shown(self, stand: RyzeStand, gateway: WhatsAppGateway) -> None:
        gateway.show_typing(JOAO, deadline=soon())
        gateway.show_typing(JOAO_LID, deadline=soon())

    def test_a_profile_binds_both_forms_of_an_address(self, gateway: WhatsAppGateway) -> None:
        for asked in (Address(JOAO), Address("", JOAO_LID), Address("551188887777" + JOAO[13:])):
            known = gateway.profile(asked, deadline=soon()).address
            assert known.lid == JOAO_LID
            assert known.name == "João da Silva"
            assert known.jid == asked.jid or asked.jid == ""
            assert known.jid in (JOAO, asked.jid)

    @pytest.mark.parametrize("asked", [Address(NOBODY), Address("", "1@lid"), Address(FAMILY)])
    def test_a_profile_that_nobody_knows_stays_as_it_was(
        self, gateway: WhatsAppGateway, asked: Any
    ) -> None:
        assert gateway.profile(asked, deadline=soon()).address == asked

    def test_a_good_instance_is_connected(self, gateway: WhatsAppGateway) -> None:
        assert gateway.check(deadline=soon())

    @pytest.mark.parametrize("bad", [{"token": "wrong"}, {"instance": "another"}])
    def test_a_bad_instance_is_denied(self, stand: RyzeStand, bad: Any) -> None:
        gateway = stand.gateway(**bad)
        for action in (
            lambda: gateway.check(deadline=soon()),
            lambda: gateway.register_webhook("http://127.0.0.1:9/x", SECRET, deadline=soon()),
            lambda: next(iter(gateway.listen(deadline=soon()))),
        ):
            with pytest.raises(GatewayDenies):
                action()


class TestWebhook:
    def test_a_call_proves_itself_with_the_secret(
        self, stand: RyzeStand, gateway: WhatsAppGateway, heard: Any, receiver: Receiver
    ) -> None:
        stand.customer("text", text="oi")
        heard()
        headers = receiver.requests[0]["headers"]
        assert gateway.authorized(headers, b"", SECRET)
        assert not gateway.authorized(headers, b"", SECRET + "x")
        assert not gateway.authorized(headers, b"", "")
        assert not gateway.authorized({}, b"", SECRET)

    def test_registering_twice_changes_nothing(
        self, stand: RyzeStand, gateway: WhatsAppGateway, heard: Any, receiver: Receiver
    ) -> None:
        gateway.register_webhook(receiver.url, SECRET, deadline=soon())
        stand.customer("text", text="oi")
        assert len(heard()) == 1

    def test_a_removed_one_is_not_called_again(
        self, stand: RyzeStand, gateway: WhatsAppGateway, heard: Any, receiver: Receiver
    ) -> None:
        gateway.remove_webhook(deadline=soon())
        stand.customer("text", text="oi")
        time.sleep(0.3)
        assert receiver.requests == []
        gateway.register_webhook(receiver.url, SECRET, deadline=soon())
        stand.customer("text", text="de novo")
        assert heard()[-1].event.text == "de novo"

    def test_an_address_that_the_gateway_refuses_is_no_refused_message(
        self, gateway: WhatsAppGateway
    ) -> None:
        with pytest.raises(GatewayError) as raised:
            gateway.register_webhook("ftp://x", SECRET, deadline=soon())
        assert type(raised.value) is GatewayError
        assert "url" in raised.value.detail


class TestListening:
    def test_the_socket_tells_what_a_webhook_would(
        self, stand: RyzeStand, gateway: WhatsAppGateway, tmp_path: Path
    ) -> None:
        frames = gateway.listen(deadline=soon())
        assert next(frames) is None
        message_id = stand.customer("text", text="Olá")
        body = next(body for body in frames if body is not None)
        (told,) = gateway.parse(body, now=time.time(), spool=tmp_path)
        message = event_of(told, Message)
        assert (message.id, message.text) == (message_id, "Olá")
        assert stand.sockets() == 1
        frames.close()
        eventually(lambda: stand.sockets() == 0)

    def test_it_ends_when_the_connection_ends(
        self, stand: RyzeStand, gateway: WhatsAppGateway
    ) -> None:
        frames = gateway.listen(deadline=soon())
        assert next(frames) is None
        stand.hang_up()
        assert [body for body in frames if body is not None] == []

    def test_the_setting_is_written_only_once(
        self, stand: RyzeStand, gateway: WhatsAppGateway
    ) -> None:
        for _ in range(2):
            frames = gateway.listen(deadline=soon())
            next(frames)
            frames.close()
        written = [one for one in stand.calls() if one["path"].startswith("/api/events/websocket")]
        assert len(written) == 1

    def test_nobody_listens(self, stand: RyzeStand) -> None:
        gateway = stand.gateway(base_url=f"http://127.0.0.1:{free_port()}")
        with pytest.raises(GatewayUnavailable):
            next(iter(gateway.listen(deadline=soon())))

    def test_a_failing_handshake_is_told(self, stand: RyzeStand, gateway: WhatsAppGateway) -> None:
        stand.refuse_sockets()
        with pytest.raises(GatewayUnavailable):
            next(iter(gateway.listen(deadline=soon())))
