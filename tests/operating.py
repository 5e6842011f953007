"""What the tests of `flask texts` share: a command run, and the table it prints."""

import re
from collections.abc import Callable

from flask import Flask

Run = Callable[..., str]


def texts_of(app: Flask) -> Run:
    """`flask texts` with these words: what it prints. It has to fail if `fails`, and otherwise not."""

    def run(*words: str, fails: bool = False) -> str:
        result = app.test_cli_runner().invoke(args=["texts", *words])
        assert (result.exit_code != 0) is fails, result.output
        return str(result.output)

    return run


def rows(table: str) -> list[list[str]]:
    """The cells of a printed table, without its titles."""
    return [re.split(" {2,}", line) for line in table.splitlines()[1:]]


def column(table: str, title: str) -> list[str]:
    """One column of a printed table."""
    place = re.split(" {2,}", table.splitlines()[0]).index(title)
    return [row[place] for row in rows(table)]
