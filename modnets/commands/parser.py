"""argparse with errors of one line, and the nearest name for a flag that does not exist."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from modnets.errors import nearest, shown
from modnets.values import MAX_INTEGER, whole_range

LONG_FLAG = re.compile(r"--[A-Za-z][\w-]*(=.*)?", re.DOTALL)


class UsageError(ValueError):
    """A command line that cannot be followed; its text is one line for the user."""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises :class:`UsageError` and takes hyphens for underscores.

    Flags are declared with underscores, as in the paper, and never abbreviated.
    """

    def __init__(self, **kwargs: Any) -> None:
        def formatter(prog: str) -> argparse.HelpFormatter:
            return argparse.HelpFormatter(prog, max_help_position=32, width=100)

        super().__init__(**({"formatter_class": formatter} | kwargs), allow_abbrev=False)
        # A negative number is a value, whatever its notation: -1e-3, -.5, -1:5.
        self._negative_number_matcher = re.compile(r"-[\d.]")

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and leaving."""
        raise UsageError(" ".join(re.sub(r"^argument (\S+): ", r"\1: ", message).split()))

    def parse(self, argv: Sequence[str]) -> argparse.Namespace:
        """The arguments of a command line.

        Raises
        ------
        UsageError
            If there is an unknown flag, a word too many, or a value of the wrong type.
        """
        args, unknown = self.parse_known_args([_underscored(word) for word in argv])
        if unknown:
            word = unknown[0].split("=")[0]
            if not word.startswith("-"):
                raise UsageError(f"unexpected {shown(unknown[0])}: it belongs to no flag")
            flags = [flag for flag in self._option_string_actions if flag.startswith("--")]
            raise UsageError(f"unknown flag {shown(word)}{nearest(word, flags)}; --help lists all")
        return args


def check_action(action: str | None, actions: Sequence[str]) -> None:
    """Raise UsageError unless a command was told one of the things that it does."""
    allowed = ", ".join(actions)
    if not action:
        raise UsageError(f"what to do is missing; allowed: {allowed}; --help says more")
    if action not in actions:
        raise UsageError(
            f"unknown action {shown(action)}{nearest(action, actions)}; allowed: {allowed}"
        )


def as_written(prog: str) -> argparse.HelpFormatter:
    """The formatter of a command whose description and epilog keep their lines."""
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=26, width=100)


def _underscored(word: str) -> str:
    if not LONG_FLAG.fullmatch(word):
        return word
    flag, equals, value = word.partition("=")
    return "--" + flag[2:].replace("-", "_") + equals + value


def number(word: str) -> float:
    """A number; finite or not is for the settings to judge."""
    return _read(float, word, "a number")


def whole(word: str) -> int:
    """A whole number."""
    return _read(_bounded, word, "a whole number")


def whole_or_range(word: str) -> list[int]:
    """A whole number, or a range with its end left out: ``0:20``, ``0:20:2``."""
    try:
        return whole_range(word)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"given {shown(word)}{', ' if str(error)[0].isdigit() else '; '}{error}"
        ) from None


def _bounded(word: str) -> int:
    number = int(word)
    if abs(number) > MAX_INTEGER:
        raise ValueError(word)
    return number


def _read(kind: Callable[[str], Any], part: str, allowed: str) -> Any:
    try:
        return kind(part)
    except ValueError:
        most = f", at most {MAX_INTEGER}" if part.lstrip("+-").isdecimal() else ""
        raise argparse.ArgumentTypeError(
            f"given {shown(part)}; allowed is {allowed}{most}"
        ) from None
