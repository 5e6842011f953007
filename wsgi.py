"""What a server serves: `granian --interface wsgi wsgi:app` or `gunicorn wsgi:app`."""

from api import create_app

app = create_app()
