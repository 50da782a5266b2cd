"""What every pretend server shares: faults, request log, limits, the loopback guard, the server.

faults      what goes wrong, for which requests, how often and for how long
requestlog  what was asked, without secrets
limits      requests in a minute
loopback    who may steer: this machine, and no foreign web page
body        JSON from outside, with the type that each field must have
settings    named values that the control API changes
responses   no answer at all; pages that load nothing foreign
markup      what people write, as HTML
server      gunicorn: one process, many threads
"""
