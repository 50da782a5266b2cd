"""`chatwoot-bridge`, also as `python -m bridge`."""

import sys

#: What a shell reports for a program that Ctrl-C ended: 128 + SIGINT.
INTERRUPTED = 130


def main() -> None:
    """Runs the command line; Ctrl-C at any moment, the imports included, leaves no traceback."""
    try:
        from bridge.cli.main import commands
        from bridge.runtime import logs

        logs.set_up("warning", "cli")  # `serve` sets it up anew, by its settings
        commands(prog_name="chatwoot-bridge")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
