"""``modnets notebook``: the notebooks listed, planned, run in batch, or what they depend on."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modnets.commands.parser import Parser, UsageError, whole
from modnets.errors import in_a_line, nearest, require, shown
from modnets.paths import FIGURES, NOTEBOOKS, ROOT, expanded

if TYPE_CHECKING:
    from modnets.notebook_files import Notebook

#: Executed copies; git ignores this folder.
COPIES = ROOT / "build" / "notebooks"
#: Copies, figures and results of small runs.
QUICK = ROOT / "build" / "quick"
#: Beside the notebooks: notebook -> parameter -> small value.
SMALL_VALUES = "quick.json"
MAX_TIMEOUT = 366 * 24 * 3600  # s
ACTIONS = ("list", "plan", "run", "depends")
USAGE = (
    "modnets notebook list | plan NAME,...|all | run NAME|all [-p name value]... [--quick] "
    "[--times] [--depends FILE] [--output FOLDER] [--timeout N] | depends NAME|all"
)


def notebook_parser() -> Parser:
    """The parser of ``modnets notebook``."""
    parser = Parser(
        prog="modnets notebook",
        usage=USAGE,
        description="List the notebooks with their parameters, say how long some take, run them in "
        "batch, or say on which files of the package they depend.  Exit code: 0 done, 1 a notebook "
        "failed, 2 wrong use.",
    )
    parser.add_argument("action", metavar="|".join(ACTIONS), help="what to do with the notebooks")
    parser.add_argument("name", nargs="?", metavar="NAME", help="a notebook's name, or all")
    parser.add_argument(
        "-p", "--parameter", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"),
        help="a parameter that differs from its default; a list as [1,2] or 1,2; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--quick", action="store_true", help="small values, to see in seconds that all works; "
        f"figures, results and copies go to {QUICK}, and -p goes before",
    )  # fmt: skip
    parser.add_argument(
        "--times", action="store_true", help="write how long each took into figures/timings.csv; "
        "of parameters as they stand, on a machine that does nothing but `make figures`",
    )  # fmt: skip
    parser.add_argument(
        "--depends", metavar="FILE", help="write there what `depends` prints, once all have run"
    )
    parser.add_argument(
        "--output", metavar="FOLDER", help=f"where executed copies go; default: {COPIES}"
    )
    parser.add_argument(
        "--timeout", type=whole, metavar="N", help="for each cell; unit: seconds; default: none"
    )
    parser.add_argument("--folder", metavar="FOLDER", help=f"notebooks; default: {NOTEBOOKS}")
    return parser


def main(argv: Sequence[str]) -> int:
    """Run ``modnets notebook`` and return its exit code."""
    try:
        if "run" in argv[:1] and {"-h", "--help"} & set(argv):
            argv, asked = [word for word in argv if word not in ("-h", "--help")], len(argv) > 2
            argv = argv if asked else ["--help"]
        else:
            asked = False
        args = notebook_parser().parse(argv)
        require(
            args.action in ACTIONS,
            f"unknown action {shown(args.action)}{nearest(args.action, ACTIONS)}; "
            f"allowed: {', '.join(ACTIONS)}",
        )
        require(
            args.timeout is None or 1 <= args.timeout <= MAX_TIMEOUT,
            f"--timeout={args.timeout}; allowed is at least 1, in seconds, at most {MAX_TIMEOUT}",
        )
        folder = expanded(args.folder, "--folder") if args.folder else NOTEBOOKS
        if args.action == "list":
            print(listing(folder))
            return 0
        if args.name is None:
            raise UsageError(f"{args.action} needs the name of a notebook, or all")
        if asked:
            print(help_of(folder, args.name))
            return 0
        if args.action == "plan":
            print(planned(folder, args.name.split(","), timed=not args.quick))
            return 0
        if args.action == "depends":
            print(dependencies(folder, args.name))
            return 0
        changed = args.quick or bool(args.parameter)
        require(
            not (args.times and changed),
            "--times is of parameters as they stand; allowed is without -p and --quick",
        )
        copies = QUICK / "notebooks" if args.quick else COPIES
        output = expanded(args.output, "--output").absolute() if args.output else copies
        small = {"quick": args.quick, "times": args.times}
        code = run(folder, args.name, args.parameter, output, args.timeout, **small)
        if args.depends and code == 0:
            path = expanded(args.depends, "--depends")
            path.write_text(f"{dependencies(folder, args.name)}\n")
        return code
    except BrokenPipeError:
        raise
    except (ValueError, OSError) as error:
        print(f"modnets notebook: {in_a_line(error)}", file=sys.stderr)
        return 2


def listing(folder: Path) -> str:
    """The notebooks of a folder: name, question, parameters with defaults, figure."""
    from modnets.notebook_files import find_notebooks

    lines = [described(notebook) for notebook in find_notebooks(folder).values()]
    return "\n".join(lines) or f"no notebooks in {folder}"


def described(notebook: Notebook) -> str:
    """A notebook's name, question, parameters with defaults and meanings, and figure."""
    from modnets.notebook_files import SUFFIXES

    lines = [f"{notebook.name}: {notebook.question}"]
    for parameter in notebook.parameters.values():
        shown = f"-p {parameter.name} {parameter.default!r}"
        lines.append(f"    {shown:<36} {parameter.meaning}".rstrip())
    if notebook.has_figure:
        lines.append(f"    figure: figures/{notebook.name} ({', '.join(SUFFIXES)})")
    return "\n".join(lines)


def help_of(folder: Path, name: str) -> str:
    """What ``modnets notebook run NAME --help`` prints: that notebook's parameters."""
    usage = f"usage: modnets notebook run {name} [-p NAME VALUE]... [--quick] "
    usage += "[--output FOLDER] [--timeout N]"
    notebooks = [described(notebook) for notebook in choose(folder, name)]
    return "\n\n".join([usage, *notebooks, "-p NAME VALUE: a value; of a list one entry, or a,b."])


def choose(folder: Path, name: str) -> list[Notebook]:
    """The notebooks of a folder that a name stands for.

    Raises
    ------
    ValueError
        If there is no such notebook.
    """
    # Jupyter's libraries take a second to import: only where a notebook is read.
    from modnets.notebook_files import find_notebooks

    known = find_notebooks(folder.absolute())
    require(bool(known), f"no notebooks in {folder}; allowed is a folder that holds some")
    name = name if name == "all" else Path(name).name.removesuffix(".ipynb")
    require(
        name in (*known, "all"),
        f"unknown notebook {shown(name)}{nearest(name, known)}; "
        f"allowed: {', '.join([*known, 'all'])} (in {folder})",
    )
    return list(known.values()) if name == "all" else [known[name]]


def planned(folder: Path, names: Sequence[str], *, timed: bool = True) -> str:
    """Some notebooks in this order, with the time that each took when its figure was made.

    Raises
    ------
    ValueError
        If there is no such notebook.
    """
    known = {notebook.name: notebook for notebook in choose(folder, "all")}
    notebooks = [
        one for name in names for one in ([known[name]] if name in known else choose(folder, name))
    ]
    from modnets.commands.timings import durations

    times = durations(FIGURES) if timed else {}
    taken = [times[one.name] for one in notebooks if one.name in times]
    together = max(sum(taken) / 2, *taken, 0)  # each was timed with another one beside it
    total = f", about {max(1, round(together / 60))} min on 2 cores" if taken else ""
    lines = [f"{len(notebooks)} notebook{'s' * (len(notebooks) != 1)} to run{total}"]
    for one in notebooks:
        time_taken = f"{times[one.name]:.0f} s" if one.name in times else ""
        lines.append(f"{time_taken:>7}  {one.name}: {one.question}")
    return "\n".join(lines)


def dependencies(folder: Path, name: str) -> str:
    """The files of the package that notebooks depend on, a line each, as seen from the root."""
    from modnets.notebook_sources import files_of

    files = {path for notebook in choose(folder, name) for path in files_of(notebook)}
    return "\n".join(str(path.relative_to(ROOT)) for path in sorted(files))


def run(
    folder: Path,
    name: str,
    words: list[list[str]],
    output: Path,
    timeout: int | None = None,
    *,
    quick: bool = False,
    times: bool = False,
) -> int:
    """Run one notebook or all of them; a failed one does not stop the others.

    Parameters
    ----------
    folder : Path
        Where the notebooks are.
    name : str
        A notebook's name, or ``"all"``.
    words : list of [str, str]
        Names and values of parameters.
    output : Path
        Folder for the executed copies; made if it is missing.
    timeout : int, optional
        Longest time for a cell; unit: seconds.
    quick : bool
        Take small values where none is given.
    times : bool
        Write how long each took into ``timings.csv`` of the figures.

    Returns
    -------
    int
        0, or 1 if a notebook failed.

    Raises
    ------
    ValueError
        If there is no such notebook or parameter, or a value does not fit; nothing has run then.
    """
    wanted = choose(folder, name)
    require(
        output.resolve() != folder.resolve(),
        f"--output={output} is the folder of the notebooks; allowed is any other",
    )
    from modnets.notebook_files import check_parameters

    check_parameters(wanted, [word for word, _ in words])
    require(
        not output.exists() or output.is_dir(),
        f"--output={output} is a file; allowed is a folder",
    )
    small = {notebook.name: small_values(folder, notebook) if quick else {} for notebook in wanted}
    plan = [(one, small[one.name] | one.read(dict(words))) for one in wanted]
    output.mkdir(parents=True, exist_ok=True)

    from modnets.commands.execution import run_notebook
    from modnets.commands.timings import record, runs_of

    failed = []
    for notebook, values in plan:
        copy, start = output / f"{notebook.name}.ipynb", time.perf_counter()
        _say(f"{notebook.name}: running, copy in {copy}")
        found = run_notebook(notebook, copy, values, timeout)
        seconds = time.perf_counter() - start
        for problem in found:
            _say(f"{notebook.name}: {problem}")
        if found:
            failed.append(notebook.name)
            continue
        if times:
            record(FIGURES, notebook.name, seconds, runs_of(copy))
        figures = " ".join(str(path) for path in notebook.figure_files(values))
        done = f"{notebook.name}: done, {seconds:.1f} s"
        print(f"{done}{' -> ' * bool(figures)}{figures}", flush=True)
    if failed:
        _say(f"{len(failed)} of {len(plan)} notebooks failed: {', '.join(failed)}")
    return 1 if failed else 0


def small_values(folder: Path, notebook: Notebook) -> dict[str, Any]:
    """A notebook's parameters for a quick run, its results and figures away from the real ones.

    Raises
    ------
    ValueError
        If the file that holds them is no JSON, or names a parameter that is not there.
    """
    path = folder / SMALL_VALUES
    try:
        values = json.loads(path.read_text()).get(notebook.name, {}) if path.exists() else {}
        require(isinstance(values, dict), "")
    except (ValueError, AttributeError, OSError, RecursionError):
        raise ValueError(
            f"{path} cannot be read; allowed is JSON, notebook -> parameter -> value"
        ) from None
    for unknown in values.keys() - notebook.parameters.keys():
        raise ValueError(f"{path}: {notebook.name} has no parameter {shown(unknown)}")
    folders = {"figure_folder": QUICK / "figures", "store": QUICK / "results"}
    return values | {n: str(p) for n, p in folders.items() if n in notebook.parameters}


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
