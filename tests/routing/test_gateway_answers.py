"""What an answer to a send means: the gateway's own words, others, or none; and the echo."""

import pytest

from tests.routing.desk import Desk, until

FIREWALL = "<html><body>Attention Required!</body></html>"


def fault(desk: Desk, **what: object) -> None:
    what = {"kind": "status", "path": "^/api/message/", "times": 1} | what
    desk.phone.control("POST", "faults", what)


def slow_echoes(desk: Desk, seconds: float) -> None:
    desk.phone.control(
        "POST",
        "faults",
        {"kind": "webhook_delay", "event": "message.exchange", "seconds": seconds, "times": None},
    )


def state(desk: Desk, message_id: object) -> list[str]:
    found = desk.rows(
        "select state from journal where key like ? and job = 'reply'", f"m{message_id}:%"
    )
    return [one for (one,) in found]


def is_clean(desk: Desk, conversation: int, message_id: int) -> bool:
    shown = desk.message(conversation, message_id)
    return shown["status"] != "failed" and not shown["content_attributes"].get("external_error")


@pytest.mark.parametrize("status", [400, 409, 422, 501])
def test_a_refused_send_whose_echo_comes_was_sent_after_all(desk: Desk, status: int) -> None:
    number, conversation = desk.meet("hello")
    slow_echoes(desk, 2.0)
    fault(desk, kind="status_after", status=status, message="no, or so it seems")
    said = desk.reply(conversation, "refused but sent")
    until(lambda: state(desk, said["id"]) == ["dead"], "the dead letter")
    until(lambda: desk.status(conversation, said["id"]) == "failed", "the failure")
    until(lambda: state(desk, said["id"]) == ["done"], "the echo")
    until(lambda: is_clean(desk, conversation, said["id"]), "the failed mark to be gone")
    [sent] = desk.gets(number, "refused but sent")
    assert desk.rows("select whatsapp_id from pair where chatwoot_id = ?", said["id"]) == [
        (sent["id"],)
    ]


def test_a_failure_that_was_not_shown_yet_is_not_shown_any_more(desk: Desk) -> None:
    number, conversation = desk.meet("hello")
    slow_echoes(desk, 1.0)
    desk.chatwoot.fault("refuse", status=503, method="PATCH")
    fault(desk, kind="status_after", status=400, message="no, or so it seems")
    said = desk.reply(conversation, "refused but sent")
    until(lambda: state(desk, said["id"]) == ["dead"], "the dead letter")
    until(lambda: state(desk, said["id"]) == ["done"], "the echo")
    desk.calm_chatwoot()
    desk.settled(number)
    assert is_clean(desk, conversation, said["id"])


@pytest.mark.parametrize("raw", [FIREWALL, "{}", '{"success": true}', '{"data": {}}'])
def test_a_success_without_its_id_is_settled_by_the_echo(desk: Desk, raw: str) -> None:
    number, conversation = desk.meet("hello")
    fault(desk, kind="status_after", status=200, raw=raw)
    said = desk.reply(conversation, "sent, they say")
    desk.reply(conversation, "then")
    desk.gets(number, "sent, they say", "then")
    desk.settled(number)
    desk.gets(number, "sent, they say", "then")
    assert state(desk, said["id"]) == ["done"]


def test_a_success_that_was_none_is_sent_again(desk: Desk) -> None:
    number, conversation = desk.meet("hello")
    fault(desk, status=200, raw=FIREWALL)
    desk.reply(conversation, "sent, they say")

    def came() -> bool:
        # What is heard later says that an echo would have come.
        desk.customer("5511988887777", "tick")
        return bool(desk.sent(number))

    until(came, "the reply")
    desk.gets(number, "sent, they say")


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 401, "raw": FIREWALL},
        {"status": 403, "raw": FIREWALL},
        {"status": 428, "raw": '{"challenge": "prove it"}'},
        {"status": 404, "raw": FIREWALL},
        {"status": 302, "raw": FIREWALL, "headers": {"Location": "https://sign-in.example/"}},
        {"status": 401, "message": "Invalid token"},
        {"status": 404, "message": "404 page not found"},
    ],
    ids=lambda answer: f"{answer['status']} {answer.get('message', answer.get('raw'))[:12]}",
)
def test_what_meets_one_message_stops_nothing_else(desk: Desk, answer: dict[str, object]) -> None:
    number, conversation = desk.meet("hello")
    other, elsewhere = desk.meet("hi")
    fault(desk, body="' OR 1=1", times=2, **answer)
    said = desk.reply(conversation, "' OR 1=1; <script>")
    until(lambda: state(desk, said["id"]) and attempts(desk, said["id"]), "the first try")
    desk.reply(elsewhere, "as usual")
    desk.gets(other, "as usual")
    desk.gets(number, "' OR 1=1; <script>")
    assert desk.rows("select status from integration") == [("active",)]
    assert is_clean(desk, conversation, said["id"])


def attempts(desk: Desk, message_id: object) -> int:
    [(found,)] = desk.rows(
        "select attempts from journal where key = ? and job = 'reply'", f"m{message_id}:0"
    )
    return int(found)


def test_a_denial_of_the_instance_holds_it_and_heals_by_itself(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    desk = Desk(tmp_path_factory.mktemp("held"), BRIDGE_LOOK_INTERVAL="2")
    try:
        number, conversation = desk.meet("hello")
        fault(desk, path="^/api/", status=401, message="Invalid token", times=None)
        desk.reply(conversation, "later")
        until(lambda: desk.rows("select status from integration") == [("error",)], "the hold")
        assert "gateway_denies" in str(desk.rows("select last_error from integration"))
        desk.phone.control("DELETE", "faults")
        desk.gets(number, "later")
        assert desk.rows("select status from integration") == [("active",)]
    finally:
        desk.close()


def test_a_mark_that_came_while_a_reply_waited_is_cleared_when_it_has_gone_out(
    own_desk: Desk,
) -> None:
    number, conversation = own_desk.meet("hello")
    fault(own_desk, status=503, message="Instance is not connected to WhatsApp", times=None)
    said = own_desk.reply(conversation, "in a while")
    until(lambda: state(own_desk, said["id"]) == ["ready"], "the reply")
    # Nobody tells of the mark: neither way of hearing works just then.
    path = f"conversations/{conversation}/messages/{said['id']}"
    own_desk.bridge.stop()
    own_desk.api("PATCH", path, {"status": "failed", "external_error": "Net::ReadTimeout"})
    own_desk.bridge.start()
    own_desk.phone.control("DELETE", "faults")
    own_desk.gets(number, "in a while")
    until(lambda: is_clean(own_desk, conversation, said["id"]), "the failed mark to be gone")


@pytest.mark.parametrize("with_file", [False, True])
def test_a_mark_that_comes_after_a_reply_has_gone_out_is_cleared(
    desk: Desk, with_file: bool
) -> None:
    number, conversation = desk.meet("hello")
    if with_file:
        said = desk.attach(conversation, "", ("a.pdf", b"%PDF-1.4 a", "application/pdf"))
    else:
        said = desk.reply(conversation, "gone out")
    until(lambda: state(desk, said["id"]) == ["done"], "the reply")
    desk.settled(number)
    path = f"conversations/{conversation}/messages/{said['id']}"
    desk.api("PATCH", path, {"status": "failed", "external_error": "Net::ReadTimeout"})
    until(lambda: is_clean(desk, conversation, said["id"]), "the failed mark to be gone")


def test_a_mark_is_cleared_when_the_operator_says_that_the_reply_was_sent(desk: Desk) -> None:
    _, conversation = desk.meet("hello")
    fault(desk, kind="drop_after")
    fault(desk, kind="no_echo")
    said = desk.reply(conversation, "did it?")
    until(lambda: state(desk, said["id"]) == ["unconfirmed"], "the doubt")
    path = f"conversations/{conversation}/messages/{said['id']}"
    desk.api("PATCH", path, {"status": "failed", "external_error": "Net::ReadTimeout"})
    [(entry,)] = desk.rows("select id from journal where key = ?", f"m{said['id']}:0")
    desk.command("dead", "settle", str(entry), "--sent")
    until(lambda: is_clean(desk, conversation, said["id"]), "the failed mark to be gone")
