"""A person gives Chatwoot another version while the bridge runs: the inbox carries our webhook
address where that version calls it, and replies leave at once before, between and after."""

import contextlib

import pytest

from bench.loop import INSTANCE
from tests.routing.desk import Desk, until
from tests.routing.test_hearing import address_in_inbox

PAGE = f"/instances/{INSTANCE}"
#: Versions that call private addresses, and those that guard them: with a switch, and without.
CALLING, GUARDING = ["3.4.0", "4.13.0"], ["4.16.2", "4.14.0"]


@pytest.mark.parametrize(("calling", "guarding"), list(zip(CALLING, GUARDING, strict=True)))
def test_the_webhook_address_follows_the_version_of_chatwoot(
    tmp_path_factory: pytest.TempPathFactory, calling: str, guarding: str
) -> None:
    folder = tmp_path_factory.mktemp("upgrades")
    desk = Desk(folder, guards=True, version=calling, BRIDGE_LOOK_INTERVAL="1")
    with contextlib.closing(desk):
        number, conversation = desk.meet("in")
        assert desk.bridge.base_url in address_in_inbox(desk)
        sent = []
        for version, is_called in ((guarding, False), (calling, True), (guarding, False)):
            desk.chatwoot.options(version=version)

            def follows(is_called: bool = is_called) -> bool:
                return bool(address_in_inbox(desk)) is is_called

            until(follows, f"the address in the inbox of {version} {is_called}")
            reply = desk.reply(conversation, f"with {version}")
            sent.append(f"with {version}")
            desk.gets(number, *sent)
            if not is_called:
                assert "heard over its socket" in desk.page(PAGE)

                def is_named(version: str = version) -> bool:
                    return f"Version {version}" in desk.page(PAGE)

                until(is_named, "the version")
                desk.reaches(conversation, reply["id"], "delivered")  # and not "failed"
        desk.settled(number)
        assert desk.sent(number) == sent
