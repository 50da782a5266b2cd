"""A pretend WhatsApp: people, chats, media, webhook queue, and a phone to look at.

For loopback only: newcomers try the bridge with it, tests and benchmarks use it as the far side.
It knows no gateway: `dialect` says what one must do, `registry` lists those that are served, and
`sandbox/gateways` has one folder for each.
"""
