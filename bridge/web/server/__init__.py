"""The web process: gunicorn's parts around an event loop that reads each request whole."""
