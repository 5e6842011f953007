"""Valhalla's matrix: `POST /sources_to_targets`, which answers kilometres and seconds for each pair."""

from collections.abc import Sequence
from typing import Any

from models.travel import Place
from routing.http import RouterClient


class Valhalla:
    """A server of Valhalla. It refuses more than 2,500 pairs a question (`max_matrix_location_pairs`)."""

    name = "valhalla"
    side = 50

    def __init__(self, base: str) -> None:
        self._client = RouterClient(base)

    def block(self, origins: Sequence[Place], destinations: Sequence[Place], *, within_s: float) -> Any:
        """The driving seconds from each origin to each destination, as answered: rows of numbers and nulls.

        Raises RouterDown or RouterRefused.
        """
        question = {"sources": _places(origins), "targets": _places(destinations), "costing": "auto"}
        answer = self._client.ask("POST", "/sources_to_targets", body=question, within_s=within_s)
        rows = answer.get("sources_to_targets")
        if not isinstance(rows, list):
            return None
        return [[_seconds(pair) for pair in row] if isinstance(row, list) else None for row in rows]


def _places(places: Sequence[Place]) -> list[dict[str, float]]:
    return [{"lat": round(latitude, 6), "lon": round(longitude, 6)} for latitude, longitude in places]


def _seconds(pair: Any) -> Any:
    """Its kilometres are not looked at: whether the time can be true is judged by the straight line."""
    return pair.get("time") if isinstance(pair, dict) else None
