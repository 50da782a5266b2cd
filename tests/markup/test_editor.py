"""What agents type in Chatwoot's own reply box, as that stores it, and what the customer reads.

Typed into a real Chatwoot 4.16.2; its own WhatsApp channel sends the same, but for ten rows in
which it loses words: those of links, code, rules and numbered lists.
"""

import json
from pathlib import Path

import pytest

from bridge.markup import to_whatsapp

ROWS = json.loads(
    (Path(__file__).parents[1] / "payloads" / "chatwoot" / "editor.json").read_text("utf-8")
)["rows"]


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_what_is_typed_reads_the_same_on_whatsapp(row: dict[str, str]) -> None:
    assert to_whatsapp(row["stored"]) == row["sent"]
