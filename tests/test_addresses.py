"""Which addresses mean something outside of a private network."""

import pytest

from bridge.chatwoot import address
from bridge.net import addresses


@pytest.mark.parametrize(
    "host",
    [
        "chatwoot",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "10.1.2.3",
        "192.168.0.10",
        "169.254.1.1",
        "100.64.0.1",
        "fd00::1",
        "::ffff:192.168.0.1",
        "chatwoot.local",
        "chatwoot.default.svc.cluster.local",
        "CHATWOOT.LAN",
        "chat.home.arpa",
        "chatwoot.internal.",
    ],
)
def test_what_only_a_private_network_knows_is_inner(host: str) -> None:
    assert addresses.is_inner(host, 443, 1.0)


@pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700::1]", "no-such-name.invalid.example.com"])
def test_what_leads_elsewhere_or_is_not_known_is_not_inner(host: str) -> None:
    assert not addresses.is_inner(host, 443, 1.0)


@pytest.mark.parametrize(
    ("url", "base_url"),
    [
        (
            "https://Chat.example.com/rails/active_storage/blobs/redirect/x/a.png",
            "https://chat.example.com",
        ),
        (
            "https://example.com/help/rails/active_storage/representations/x",
            "https://example.com/help",
        ),
        ("http://10.0.0.1:3000/rails/active_storage/disk/x", "http://10.0.0.1:3000"),
        ("https://bucket.s3.example.com/a.png", ""),
        ("/rails/active_storage/blobs/redirect/x/a.png", ""),
        ("javascript:/rails/active_storage/", ""),
        ("", ""),
    ],
)
def test_a_file_of_chatwoot_shows_where_chatwoot_is(url: str, base_url: str) -> None:
    assert address.of_file(url) == base_url


@pytest.mark.parametrize(
    ("text", "base_url"),
    [
        ("Please rate this conversation, https://c.example.com/survey/responses/1-2", True),
        ("¿Qué tal? https://c.example.com/survey/responses/1-2 ¡Gracias!", True),
        ("Please rate the conversation", False),
        ("see /survey/responses/1", False),
    ],
)
def test_a_survey_shows_where_chatwoot_is(text: str, base_url: bool) -> None:
    assert address.of_survey(text) == ("https://c.example.com" if base_url else "")
