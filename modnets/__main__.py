"""The command line: ``modnets COMMAND ...``, or ``python -m modnets COMMAND ...``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from modnets.errors import nearest
from modnets.training.interruption import Terminated, sigterm_interrupts

#: Command -> what it does.  Each is the module of that name in modnets.commands.
COMMANDS = {
    "train": "train networks of one kind, with the paper's flags",
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
    command, *rest = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    if command in ("-h", "--help"):
        print(usage())
        return 0
    if command not in COMMANDS:
        allowed = ", ".join(COMMANDS)
        print(
            f"modnets: unknown command {command!r}{nearest(command, COMMANDS)}; allowed: {allowed}",
            file=sys.stderr,
        )
        return 2
    try:
        with sigterm_interrupts():
            return importlib.import_module(f"modnets.commands.{command}").main(rest)
    except SystemExit as done:  # argparse leaves this way after --help
        return int(done.code or 0)
    except KeyboardInterrupt as error:
        by_signal = isinstance(error, Terminated)
        print(
            f"modnets: {'ended by SIGTERM' if by_signal else 'interrupted'}; what is complete "
            "stays, and the same command goes on from there",
            file=sys.stderr,
        )
        return 143 if by_signal else 130


if __name__ == "__main__":
    sys.exit(main())
