"""Serves the sandbox Chatwoot."""

from pathlib import Path
from typing import cast

from flask import Flask

from sandbox.chatwoot.app import create_sandbox_chatwoot
from sandbox.chatwoot.world import World
from sandbox.kit.server import serve, url_of


def serve_sandbox_chatwoot(
    host: str, port: int, database: Path | None, *, drop_underscores: bool = False
) -> None:
    """Serve until told to stop. Raises ValueError when `host` is not this machine only.

    `drop_underscores` behaves as a proxy that drops header names with underscores, so that only
    `api-access-token` arrives (docs/contracts/chatwoot.md, Access).
    """

    def world(app: Flask) -> World:
        return cast(World, app.extensions["sandbox_chatwoot"])

    serve(
        "sandbox chatwoot",
        host,
        port,
        lambda: create_sandbox_chatwoot(database, base_url=url_of(host, port)),
        stop=lambda app: world(app).let_go(),
        leave=lambda app: world(app).state.file.flush(),
        clock=lambda app: world(app).state.options.now(),
        grace_s=2.0,
        header_map="drop" if drop_underscores else "dangerous",
    )
