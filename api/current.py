"""What this process was started with, for whoever answers a request: its settings and its keys."""

from flask import current_app

from api.config import Settings
from id_badges.keys import KeyRing


def settings() -> Settings:
    """The settings."""
    found: Settings = current_app.config["SETTINGS"]
    return found


def keyring() -> KeyRing:
    """The keys that badges are signed with."""
    found: KeyRing = current_app.extensions["keyring"]
    return found
