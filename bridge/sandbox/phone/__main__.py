"""`python -m bridge.sandbox.phone --port 8091`: the phone on its own."""

from bridge.sandbox.phone.server import main

main()
