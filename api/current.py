"""What this process was started with, for whoever answers a request: its settings and its keys."""

from flask import Flask, current_app

from api.config import Settings
from id_badges.keys import KeyRing


def app() -> Flask:
    """The application itself: reading from it what is needed costs less than asking whose turn it is each time."""
    found: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return found


def settings() -> Settings:
    """The settings."""
    found: Settings = current_app.config["SETTINGS"]
    return found


def keyring() -> KeyRing:
    """The keys that badges are signed with."""
    found: KeyRing = current_app.extensions["keyring"]
    return found
