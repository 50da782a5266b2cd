"""A file is there when its bytes are: Chatwoot lists, and tells agents of, files that it lost."""

import pytest
import requests

from tests.routing.desk import Desk, Json, until


def is_whole(message: Json) -> bool:
    """Whether every file of a message can be opened."""
    return all(
        requests.get(file["data_url"], timeout=10).ok for file in message.get("attachments", [])
    )


def with_files(desk: Desk, conversation: int) -> list[Json]:
    return [one for one in desk.thread(conversation) if one.get("attachments")]


def the_copy(desk: Desk, conversation: int) -> tuple[Json, Json]:
    """The message that lost its file, and the reply to it that has the file."""
    until(lambda: len(with_files(desk, conversation)) >= 2, "the file being brought again")
    lost, copy = with_files(desk, conversation)
    return lost, copy


def lose_answer(desk: Desk, conversation: int) -> None:
    """The next message is taken, and the answer that would say so does not come."""
    path = f"/conversations/{conversation}/messages"
    desk.chatwoot.fault("drop_after", times=1, method="POST", path=path)


@pytest.mark.parametrize("answers", [True, False], ids=["422", "no-answer"])
@pytest.mark.parametrize("word", ["storage-full", "storage-read-only"])
def test_a_file_whose_bytes_are_missing_is_brought_again_as_a_reply(
    desk: Desk, word: str, answers: bool
) -> None:
    number, conversation = desk.meet("first")
    desk.chatwoot.fault(word)
    if not answers:
        lose_answer(desk, conversation)
    sent = desk.customer(number, "see", kind="image")
    desk.customer(number, "after")
    until(lambda: with_files(desk, conversation), "the message without its bytes")
    desk.calm_chatwoot()
    lost, copy = the_copy(desk, conversation)
    assert not is_whole(lost)
    assert is_whole(copy)
    assert copy["content_attributes"]["in_reply_to"] == lost["id"]
    assert copy["source_id"] != lost["source_id"]
    desk.settled(number)
    assert desk.texts(conversation) == ["first", "see", "", "after"]
    original = requests.get(sent["media"]["url"], timeout=10).content
    [file] = copy["attachments"]
    assert requests.get(file["data_url"], timeout=10).content == original


def test_while_the_storage_keeps_nothing_no_further_empty_files_appear(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    desk.chatwoot.fault("storage-full")
    desk.customer(number, "see", kind="document")
    uploads = "/api/v1/accounts/1/upload"

    def tries() -> int:
        return sum(one["path"] == uploads for one in desk.chatwoot.requests())

    desk.forget_calls()
    until(lambda: tries() >= 2, "the upload being tried again")
    assert len(with_files(desk, conversation)) == 1
    desk.calm_chatwoot()
    the_copy(desk, conversation)
    desk.settled(number)
    assert len(with_files(desk, conversation)) == 2


def test_a_copy_whose_answer_is_lost_is_not_made_twice(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    desk.chatwoot.fault("storage-full", times=1)
    lose_answer(desk, conversation)
    lose_answer(desk, conversation)
    desk.customer(number, "see", kind="image")
    desk.customer(number, "after")
    desk.shows(conversation, "first", "see", "", "after")
    desk.settled(number)
    assert len(with_files(desk, conversation)) == 2


def test_a_file_that_is_there_is_not_brought_again(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    lose_answer(desk, conversation)
    desk.customer(number, "see", kind="image")
    desk.shows(conversation, "first", "see")
    desk.settled(number)
    assert [is_whole(one) for one in with_files(desk, conversation)] == [True]


def test_beyond_the_uploads_that_an_account_may_make_the_file_is_posted_itself(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    desk.chatwoot.fault("storage-full", times=1)
    desk.chatwoot.fault("refuse", status=429, path="/upload")
    desk.customer(number, "see", kind="image")
    _, copy = the_copy(desk, conversation)
    assert is_whole(copy)
    desk.settled(number)


def test_the_copy_is_deleted_with_the_message_that_lost_it(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    desk.chatwoot.fault("storage-full", times=1)
    sent = desk.customer(number, "see", kind="image")
    both = the_copy(desk, conversation)
    desk.settled(number)
    desk.customer(number, kind="revoke", target=sent["id"])

    def are_gone() -> bool:
        told = [desk.message(conversation, one["id"]) for one in both]
        return all(one["content_attributes"].get("deleted") for one in told)

    until(are_gone, "both being deleted")


def test_a_file_that_arrives_at_once_costs_one_call(desk: Desk) -> None:
    number, conversation = desk.meet("first")
    desk.forget_calls()
    desk.customer(number, "see", kind="image")
    desk.shows(conversation, "first", "see")
    desk.settled(number)
    assert len(desk.calls_to_chatwoot(conversation)) == 1
    bridge_made = [one for one in desk.chatwoot.requests() if "/sandbox/" not in one["path"]]
    assert not [one for one in bridge_made if "/rails/" in one["path"]]
