"""`python -m sandbox.chatwoot`: the pretend Chatwoot alone, in memory without --database."""

from sandbox.chatwoot.app import serve_sandbox_chatwoot
from sandbox.kit.server import command_line

command_line(
    "sandbox.chatwoot",
    8090,
    None,
    serve_sandbox_chatwoot,
    drop_underscores="drop header names with underscores, as proxies do",
)
