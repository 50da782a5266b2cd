"""The web process: gunicorn's parts around an event loop that reads each request whole.

Nothing here knows a route; Flask is called only through WSGI.
"""
