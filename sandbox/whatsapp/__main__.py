"""`python -m sandbox.whatsapp`: the pretend WhatsApp alone."""

from pathlib import Path

from sandbox.kit.server import command_line
from sandbox.whatsapp.app import serve_sandbox_phone

command_line("sandbox.whatsapp", 8091, Path("instance/sandbox-phone.db"), serve_sandbox_phone)
