"""A bare Flask answer: what every ratio is measured against."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    """Nothing but an answer."""
    return "hello"
