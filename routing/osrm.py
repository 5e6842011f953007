"""OSRM's table service: `GET /table/v1/driving/{longitude},{latitude};…`, which answers seconds."""

from collections.abc import Sequence
from typing import Any

from models.travel import Place
from routing.http import RouterClient, RouterRefused


class Osrm:
    """A server of OSRM. It takes 100 places a question unless it is told otherwise (`--max-table-size`)."""

    name = "osrm"
    side = 50

    def __init__(self, base: str) -> None:
        self._client = RouterClient(base)

    def block(self, origins: Sequence[Place], destinations: Sequence[Place], *, within_s: float) -> Any:
        """The driving seconds from each origin to each destination, as answered: rows of numbers and nulls.

        Raises RouterDown or RouterRefused.
        """
        places = ";".join(f"{longitude:.6f},{latitude:.6f}" for latitude, longitude in [*origins, *destinations])
        first = ";".join(map(str, range(len(origins))))
        second = ";".join(str(len(origins) + number) for number in range(len(destinations)))
        answer = self._client.ask(
            "GET",
            f"/table/v1/driving/{places}?annotations=duration&sources={first}&destinations={second}",
            within_s=within_s,
        )
        if answer.get("code") != "Ok":
            raise RouterRefused("its code is not Ok")
        return answer.get("durations")
