"""The command line: ``modnets COMMAND ...``, or ``python -m modnets COMMAND ...``."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from importlib import metadata

from modnets.errors import nearest, shown
from modnets.experiments.interruption import Terminated, sigterm_interrupts
from modnets.fork_server import forked
from modnets.imports import collect_rarely

#: Command -> what it does.  Each is the module of that name in modnets.commands.
COMMANDS = {
    "train": "train networks of one kind, with the paper's flags",
    "sweep": "train the runs of a study's file",
    "results": "what a store holds: status, export, compare, verify",
    "report": "a finished study as one file of HTML",
    "figure": "what a figure was made from, and whether it is up to date",
    "notebook": "list the notebooks, or run them in batch",
    "benchmark": "measure how fast networks train here, and the usual way beside it",
}


def usage() -> str:
    """What ``modnets --help`` prints."""
    lines = [f"  {name:<10} {meaning}" for name, meaning in COMMANDS.items()]
    return "\n".join(
        [
            "usage: modnets COMMAND ...",
            "",
            "When and how are modular networks better?",
            "",
            *lines,
            "",
            "modnets COMMAND --help says more.",
            "modnets --version says which one this is.",
            "Exit code: 0 done, 1 a run or a notebook failed, 2 wrong use, 130 interrupted,",
            "143 ended by SIGTERM.",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after ``modnets``; by default those of this process.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a path may hold what no text does
            stream.reconfigure(errors="backslashreplace")
    if argv is None:
        collect_rarely()
    command, *rest = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    if command in ("-h", "--help"):
        print(usage())
        return 0
    if command in ("-V", "--version"):
        print(f"modnets {metadata.version('modnets')}")
        return 0
    if command not in COMMANDS:
        close, allowed = nearest(command, [*COMMANDS, "--version"]), ", ".join(COMMANDS)
        _say(f"unknown command {shown(command)}{close}; allowed: {allowed}")
        return 2
    try:
        with sigterm_interrupts():
            if argv is None and command == "notebook":
                code = forked("command", [command, *rest])
                if code is not None:
                    return code
            return importlib.import_module(f"modnets.commands.{command}").main(rest)
    except SystemExit as done:  # argparse leaves this way after --help
        return int(done.code or 0)
    except KeyboardInterrupt as error:
        by_signal = isinstance(error, Terminated)
        word = "ended by SIGTERM" if by_signal else "interrupted"
        _say(f"{word}; what is complete stays, and the same command goes on from there")
        return 143 if by_signal else 130
    except MemoryError:
        _say("out of memory; what is complete stays; allowed are fewer or smaller runs at once")
        return 1
    except BrokenPipeError:  # whoever read the output has gone: `modnets notebook list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _say(line: str) -> None:
    print(f"modnets: {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
