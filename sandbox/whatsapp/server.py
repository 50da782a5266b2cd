"""Serves the phone."""

import argparse
from pathlib import Path
from typing import cast

from flask import Flask

from sandbox.kit.server import serve, url_of
from sandbox.whatsapp.app import create_sandbox_phone
from sandbox.whatsapp.phone import EXTENSION, Phone

STOP_AFTER_S = 0.5


def serve_sandbox_phone(host: str, port: int, database: Path) -> None:
    """Serve until terminated.  ValueError for a host that others could reach: this is a toy."""

    def build() -> Flask:
        app = create_sandbox_phone(database)
        phone = cast(Phone, app.extensions[EXTENSION])
        phone.base_url = url_of(host, port)
        phone.deliveries.start()
        return app

    def stop(app: Flask) -> None:
        """Running requests get a moment, not the length of an open page."""
        cast(Phone, app.extensions[EXTENSION]).sockets.hang_up()

    serve("sandbox phone", host, port, build, stop=stop, grace_s=STOP_AFTER_S)


def main() -> None:
    """`python -m sandbox.whatsapp`."""
    parser = argparse.ArgumentParser(prog="sandbox.whatsapp", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen at")
    parser.add_argument("--port", type=int, default=8091)
    parser.add_argument("--database", type=Path, default=Path("instance/sandbox-phone.db"))
    chosen = parser.parse_args()
    try:
        serve_sandbox_phone(chosen.host, chosen.port, chosen.database)
    except ValueError as error:
        parser.error(str(error))
