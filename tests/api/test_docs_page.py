"""/docs: the description as a page of ours alone, readable without a token and without scripts."""

import re
from html import unescape

import requests

from bridge.web.api.openapi import document
from tests.support.processes import Bridge


def page(bridge: Bridge, **headers: str) -> requests.Response:
    answer = requests.get(f"{bridge.base_url}/docs", headers=headers, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    return answer


def test_it_shows_every_route_field_status_and_example(shared_bridge: Bridge) -> None:
    text = unescape(page(shared_bridge).text)
    described = document()
    for path, item in described["paths"].items():
        assert path in text
        for operation in (one for name, one in item.items() if name != "parameters"):
            assert operation["summary"] in text
            for status, answer in operation["responses"].items():
                assert f"<strong>{status}</strong> {answer['description']}" in text
                media = answer["content"]["application/json"]
                for example in media.get("examples", {}).values():
                    assert re.sub(r'"', '\\\\"', example["value"]["error"]["message"]) in text
    for name in ("Activation", "NewInstance"):
        for field in described["components"]["schemas"][name]["properties"]:
            assert f"<code>{field}</code>" in text


def test_its_example_calls_name_this_very_bridge(shared_bridge: Bridge) -> None:
    text = unescape(page(shared_bridge).text)
    assert f"curl -X POST {shared_bridge.base_url}/api/chatwoot/set/suporte" in text


def test_a_forged_host_cannot_break_out_of_the_page(shared_bridge: Bridge) -> None:
    answer = requests.get(
        f"{shared_bridge.base_url}/docs", headers={"Host": "<script>x</script>"}, timeout=10
    )
    assert "<script>x" not in answer.text


def test_everything_it_loads_is_ours_and_nothing_is_inline(shared_bridge: Bridge) -> None:
    answer = page(shared_bridge)
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "frame-ancestors 'none'" in policy
    text = answer.text
    loaded = re.findall(r'<(?:link|script|img)\b[^>]*?(?:href|src)="([^"]+)"', text)
    assert len(loaded) >= 3
    for address in loaded:
        assert address.startswith("/static/"), address
        assert requests.get(shared_bridge.base_url + address, timeout=10).status_code == 200
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script>", text)


def test_its_contents_lead_to_places_that_are_there(shared_bridge: Bridge) -> None:
    text = page(shared_bridge).text
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'href="#([^"]+)"', text):
        assert target in ids
