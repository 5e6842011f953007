"""Published test data, from tests/vectors: SOURCES.md there says whose it is."""

import json
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parent / "vectors"


def read(name: str) -> Any:
    """One file of published data, such as `sms/notify_downgrade.json`."""
    return json.loads((VECTORS / name).read_text("utf-8"))
