"""How long the longest text takes to be converted.

`python -m bench.markup` prints, for each conversion, the hostile texts that take longest, and for
each the time of a quarter of it: four times the text should be about four times the time.
"""

import argparse
import time
from collections.abc import Callable

from bridge.markup import protect_liquid, to_chatwoot, to_whatsapp
from tests.markup import hostile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--characters", type=int, default=65_536)
    parser.add_argument("--show", type=int, default=5, help="texts for each conversion")
    given = parser.parse_args()
    for convert in (to_chatwoot, to_whatsapp, protect_liquid):
        found = sorted(
            (_seconds(convert, hostile.text(name, given.characters)), name)
            for name in hostile.UNITS
        )
        print(f"{convert.__name__}, {given.characters} characters, {len(found)} texts")
        for seconds, name in found[: -given.show - 1 : -1]:
            quarter = _seconds(convert, hostile.text(name, given.characters // 4))
            print(f"  {seconds * 1000:7.0f} ms, a quarter {quarter * 1000:5.0f} ms  {name}")


def _seconds(convert: Callable[[str], str], text: str) -> float:
    """CPU seconds, the least of three."""
    times = []
    for _ in range(3):
        began = time.process_time()
        convert(text)
        times.append(time.process_time() - began)
    return min(times)


if __name__ == "__main__":
    main()
