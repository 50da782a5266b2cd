"""What routing costs and keeps on an ordinary day."""

from tests.routing.desk import Desk

CREATE_MESSAGE = "POST /api/v1/accounts/<int:account_id>/conversations/<int:display_id>/messages"


def test_a_text_costs_one_call_to_chatwoot(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    desk.forget_calls()
    for index in range(5):
        desk.customer(number, f"text {index}")
    desk.arrived(conversation, 6)
    desk.settled(number)
    assert desk.calls_to_chatwoot() == [CREATE_MESSAGE] * 5
