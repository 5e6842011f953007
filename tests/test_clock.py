"""How the code is built: one place reads the time, and nothing is imported inside a function."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("api", "models", "notifications", "id_badges", "routing")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

CLOCKS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "localtime"),
    ("time", "gmtime"),
    ("func", "now"),
    ("func", "current_timestamp"),
}
"""What tells the time of day. `time.monotonic` and `perf_counter` only measure, and are free to use."""


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), named(path))


def readings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value
            said = (
                owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            )
            if (said, node.attr) in CLOCKS:
                yield node.lineno, f"{said}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            for name in node.names:
                if ("time", name.name) in CLOCKS:
                    yield node.lineno, f"from time import {name.name}"


def test_there_are_sources_to_look_at():
    assert len(SOURCES) > 40
    assert ROOT / "models" / "clock.py" in SOURCES


def test_one_place_reads_the_clock():
    found = [
        f"{named(path)}:{line} {what}"
        for path in SOURCES
        if path != ROOT / "models" / "clock.py"
        for line, what in readings(parsed(path))
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "datetime.now(UTC)",
        "datetime.datetime.utcnow()",
        "read = datetime.now",
        "date.today()",
        "time.time()",
        "from time import time",
        "func.now()",
    ],
)
def test_the_search_for_clocks_finds_one(source):
    assert list(readings(ast.parse(source)))


def test_nothing_is_imported_inside_a_function():
    found = [
        f"{named(path)}:{inner.lineno}"
        for path in SOURCES
        for outer in ast.walk(parsed(path))
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(outer)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert found == []


def test_every_module_and_public_function_says_what_it_is_for():
    silent = []
    for path in SOURCES:
        tree = parsed(path)
        if path.stat().st_size and not ast.get_docstring(tree):
            silent.append(named(path))
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node) and not speaks_for_itself(node):
                silent.append(f"{named(path)}:{node.lineno} {node.name}")
    assert silent == []


def speaks_for_itself(node: ast.AST) -> bool:
    """Each method of a resource has its line in the API document; members and fields are words themselves."""
    if not isinstance(node, ast.ClassDef):
        return False
    bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
    return bool(bases & {"Resource", "StrEnum", "NamedTuple"}) or bool(node.decorator_list)
