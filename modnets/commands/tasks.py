"""The task that a command line asks for: a truth table, several at once, or digit pairs."""

from __future__ import annotations

import argparse

from modnets.errors import one_of, require
from modnets.paths import expanded
from modnets.tasks.data_sets import DATA_SETS, named_data_set
from modnets.tasks.digit_pairs import DIGIT_GRAPH, DigitPairs
from modnets.tasks.digits import load_digits
from modnets.tasks.named_graphs import TASK_SETS
from modnets.tasks.sample_files import read_samples
from modnets.tasks.samples import Samples
from modnets.tasks.tables import find_graph
from modnets.tasks.task import Task

EXPERIMENTS = ("generalization", "multi_task")
SETS = {2: "two tasks", 3: "three tasks"}
TASK_WIDTHS = [6, 3, 2, 2]
#: Where images come from unless that is said: the paper's flags mean MNIST.
DIGITS = "mnist"


def experiment(args: argparse.Namespace) -> str:
    """The study that a command line belongs to, which names the folder of its results."""
    name = args.experiment or EXPERIMENTS[(args.num_tasks or 1) > 1]
    one_of("--experiment", name, EXPERIMENTS)
    return name


def find_task(args: argparse.Namespace) -> tuple[Task, str]:
    """The task, and one line that says what it is.

    Raises
    ------
    ValueError
        One line with the flag, the value given and what is allowed.
    """
    allowed = [*SETS] if experiment(args) == "multi_task" else [1]
    allowed = allowed if args.experiment else [1, *SETS]
    n_tasks = allowed[0] if args.num_tasks is None else args.num_tasks
    require(
        n_tasks in allowed, f"--num_tasks={n_tasks}; allowed is {' or '.join(map(str, allowed))}"
    )
    if args.data_set is not None:
        return _data_set(args, n_tasks)
    if args.num_digits is not None:
        require(n_tasks == 1, f"--num_tasks={n_tasks}: with --num_digits allowed is 1")
        return _digit_pairs(args)
    for flag in ("digits", "digits_path", "normalize_img"):
        require(
            getattr(args, flag) is None,
            f"--{flag}: there are no images without --num_digits; allowed is both, or neither",
        )
    if n_tasks > 1:
        _check_widths(args, TASK_WIDTHS, f"--num_tasks={n_tasks}")
        task = TASK_SETS[SETS[n_tasks]]
        unread = "" if args.dataset_path is None else f" (nothing is read from {args.dataset_path})"
        return task, f"truth tables of {n_tasks} tasks computed{unread}"
    return find_graph(args.modularity or TASK_WIDTHS, args.dataset_path)


def _data_set(args: argparse.Namespace, n_tasks: int) -> tuple[Samples, str]:
    """Samples by their name, or from a file."""
    require(n_tasks == 1, f"--num_tasks={n_tasks}: with --data_set allowed is 1")
    for flag in ("modularity", "dataset_path", "num_digits", "digits"):
        require(
            getattr(args, flag) is None,
            f"--{flag}: with --data_set there is no such task; allowed is one of the two",
        )
    task = named_data_set(args.data_set)
    if task is not None:
        return task, f"{task.n_rows:,} samples of {task} generated"
    path = expanded(args.data_set, "--data_set")
    if not path.is_file():
        one_of("--data_set (a name, or a file)", args.data_set, DATA_SETS)
    task = read_samples(path)
    return task, f"{task.n_rows:,} samples read from {path}"


def _digit_pairs(args: argparse.Namespace) -> tuple[DigitPairs, str]:
    n_digits = 2 ** (DIGIT_GRAPH.n_inputs // 2)
    require(args.num_digits == n_digits, f"--num_digits={args.num_digits}; allowed is {n_digits}")
    widths = [2, 2, *DIGIT_GRAPH.slots, DIGIT_GRAPH.n_outputs]
    _check_widths(args, widths, f"--num_digits={n_digits}")
    source = args.digits or DIGITS
    folder = args.digits_path or (args.dataset_path if source == "mnist" else None)
    digits = load_digits(source, folder)
    task = DigitPairs(digits, normalize=bool(args.normalize_img))
    side = f"{task.side} x {task.side}"
    where = f" from {digits.folder}" if digits.folder else ""
    return task, f"pairs of {digits.name}{where}, {len(digits.labels):,} images of {side}"


def _check_widths(args: argparse.Namespace, widths: list[int], flag: str) -> None:
    given = args.modularity or widths
    require(
        given == widths,
        f"--modularity={' '.join(map(str, given))}: with {flag} allowed is "
        f"{' '.join(map(str, widths))}",
    )
