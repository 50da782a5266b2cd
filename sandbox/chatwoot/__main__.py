"""`python -m sandbox.chatwoot --port 8090`: the sandbox alone."""

from pathlib import Path

import click

from sandbox.chatwoot.server import serve_sandbox_chatwoot


@click.command()
@click.option("--port", type=int, default=8090, show_default=True, help="TCP port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option(
    "--database", type=click.Path(path_type=Path), help="State file; in memory when left out."
)
@click.option(
    "--drop-underscores", is_flag=True, help="Drop header names with underscores, as proxies do."
)
def main(port: int, host: str, database: Path | None, drop_underscores: bool) -> None:
    """Serve the sandbox Chatwoot until told to stop."""
    try:
        serve_sandbox_chatwoot(host, port, database, drop_underscores=drop_underscores)
    except ValueError as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
