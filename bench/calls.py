"""How many calls to Chatwoot an incoming text costs once its conversation is known.

`python -m bench.calls` prints it, with what a first message costs beside it.
"""

import argparse
import time
from collections import Counter
from typing import Any

from bench.loop import Loop


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--chats", type=int, default=50)
    given = parser.parse_args()
    with Loop() as loop:
        numbers = [f"49151{10_000_000 + index}" for index in range(given.chats)]
        first = _calls(loop, [(number, f"hello {number}") for number in numbers])
        texts = [(numbers[index % given.chats], f"text {index}") for index in range(given.texts)]
        steady = _calls(loop, texts)
    _say("the first text of a new contact", first, given.chats)
    _say("a text in steady state", steady, given.texts)


def _calls(loop: Loop, texts: list[tuple[str, str]]) -> Counter[str]:
    """What is called while these texts are brought over and until nothing moves any more."""
    loop.chatwoot.control("DELETE", "requests")
    for number, text in texts:
        loop.phone.control("POST", "customer", {"kind": "text", "chat": number, "text": text})
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < 3:
        counted = _counted(loop)
        if counted.total() != seen:
            seen, since = counted.total(), time.monotonic()
        time.sleep(0.2)
    return counted


def _counted(loop: Loop) -> Counter[str]:
    """Calls by method and route."""
    totals: dict[str, Any] = loop.chatwoot.control("GET", "requests?limit=0")["totals"]
    return Counter(
        {
            route.replace("/api/v1/accounts/<int:account_id>", ""): count
            for route, count in totals["by_route"].items()
        }
    )


def _say(what: str, calls: Counter[str], texts: int) -> None:
    # Once a minute Chatwoot is asked for replies that were missed, however many texts there were.
    looks = {route: count for route, count in calls.items() if route.startswith("GET ")}
    for_texts = calls.total() - sum(looks.values())
    print(f"calls to Chatwoot for {what}: {for_texts / texts:.2f}")
    for route, count in calls.most_common():
        apart = " (the look for missed replies, once a minute)" if route in looks else ""
        print(f"    {count / texts:.2f}  {route}{apart}")


if __name__ == "__main__":
    main()
