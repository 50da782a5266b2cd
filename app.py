"""The front door of the web part alone: `flask --app app run`, or `gunicorn app:app`.

`chatwoot-bridge serve` starts this and everything that belongs to it.
"""

import sys

from bridge.config import settings
from bridge.domain.errors import StartupError
from bridge.runtime import logs
from bridge.web.app import create_app

__all__ = ["app", "create_app"]

#: gunicorn's own code for "do not try again" (gunicorn.arbiter.Arbiter.APP_LOAD_ERROR).
NO_RETRY = 4

try:
    _loaded = settings.load()
    logs.set_up(_loaded.log_level, "web")
    app = create_app(_loaded)
except StartupError as error:
    sys.stderr.write(f"chatwoot-bridge: {error.message}\n")
    raise SystemExit(NO_RETRY) from None
