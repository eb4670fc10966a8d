"""The web application for a WSGI server: `granian --interface wsgi wsgi:app`."""

from core.app import create_app

app = create_app()
huey = app.queue
