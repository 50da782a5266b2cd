"""A child that will not go, and the parent that has it; run as a program of its own.

The supervisor waits for any child of its process, so it must not run inside the test's.
"""

import signal
import sys
from pathlib import Path

from bridge.cli import serve
from bridge.runtime.processes import Child


def live() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        signal.pause()


def end_at_once() -> None:
    raise SystemExit(5)


if __name__ == "__main__":
    serve.GRACE_S = float(sys.argv[1])
    beat = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    serve.SILENT_S, serve._LOOK_S = 1.0, 0.1
    child = Child("stubborn", f"tests.ops.stubborn:{sys.argv[2]}", beat=beat)
    family = serve._Supervisor([child], "info")
    signal.pthread_sigmask(signal.SIG_BLOCK, family.handled)
    family.run()
