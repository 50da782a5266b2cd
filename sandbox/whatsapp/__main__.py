"""`python -m sandbox.whatsapp --port 8091`: the phone on its own."""

from sandbox.whatsapp.server import main

main()
