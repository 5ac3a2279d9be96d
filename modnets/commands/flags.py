"""The flags of ``modnets train``: the paper's names, and the settings of RunConfig they stand for.

One table; ``--help``, the reading of a command line and the wording of errors all follow from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields

from modnets.commands.parser import Parser, number, whole, whole_or_range
from modnets.config.run_config import RunConfig
from modnets.config.setting_docs import setting_doc

#: The paper's words for a kind of network -> ours.  ``mlp`` is sparse once weights are pruned.
MODEL_NAMES = {
    "mlp": "dense",
    "cnn": "dense",
    "hierarchically_modular": "modular",
    "hierarchically_modular_mlp": "modular",
    "hierarchically_modular_cnn": "modular",
    "hierarchically_modular_shared_modules": "shared",
    "hierarchically_modular_shared_modules_mlp": "shared",
    "hierarchically_modular_shared_modules_cnn": "shared",
    "dense": "dense",
    "sparse": "sparse",
    "modular": "modular",
    "shared": "shared",
}
#: Of those that look at images: what does.
NETWORKS = {
    name: name[-3:]
    for name in MODEL_NAMES
    if name == "cnn" or (name.startswith("hier") and name.endswith(("_mlp", "_cnn")))
}
NOISE = 0.1
FIELDS = {f.name: f for f in fields(RunConfig)}


@dataclass(frozen=True)
class Flag:
    """A flag, the setting it stands for, and what ``--help`` says of it.

    Parameters
    ----------
    names : str
        ``"--tau"``; several names of one flag stand side by side, the paper's first.
    setting : str
        Field of RunConfig; empty for what is no hyper-parameter.
    kind : callable or None
        Reads one word; None for a switch.
    nargs : str, optional
        ``"+"`` for several words, ``"?"`` for one that may be left out.
    default : str
        What holds without the flag, in words; by default RunConfig's own default.
    meaning, unit, words : str
        By default those of the setting; ``words`` is added to the meaning.
    """

    names: str
    setting: str
    kind: Callable[[str], object] | None
    nargs: str | None = None
    default: str = ""
    meaning: str = ""
    words: str = ""
    unit: str = ""

    @property
    def name(self) -> str:
        """The name in the parsed arguments."""
        return self.names.split()[0].lstrip("-")

    @property
    def help(self) -> str:
        """Meaning, unit, allowed values and default."""
        doc = setting_doc(self.setting) if self.setting else None
        notes = [(self.meaning or (doc.meaning if doc else "")) + self.words]
        unit = self.unit or (doc.unit if doc else "")
        notes += [f"unit: {unit}"] * bool(unit)
        default = "off"
        if doc and self.kind:
            notes += [f"allowed: {doc.allowed}"] * bool(doc.allowed)
            default = doc.default
        notes.append(f"default: {self.default or default}")
        return "; ".join(notes).replace("%", "%%")


def _schedule(flag: str, setting: str) -> tuple[Flag, ...]:
    """The flags of a schedule of a setting's own."""
    kinds: dict[str, Callable[[str], object]] = {"schedule": str, "end": number, "hold": number}
    return tuple(Flag(f"{flag}_{part}", f"{setting}_{part}", kinds[part]) for part in kinds)


#: Heading -> flags.
FLAGS = {
    "task and split": (
        Flag("--experiment", "", str, default="generalization; multi_task with several tasks",
             meaning="which study: generalization or multi_task"),
        Flag("--num_tasks", "", whole, default="1; 2 in multi_task", unit="tasks",
             meaning="tasks learned at once, 1 to 3"),
        Flag("--held_out", "held_out", str),
        Flag("--modularity", "graph", whole, "+", default="6 3 2 2", unit="units",
             meaning="the task by its widths: inputs, sub-functions per level, outputs"),
        Flag("--dataset_path", "", str, default="none, the table is computed",
             meaning="folder that may hold <widths>.csv, .tsv, .txt or .pla, a table of your own"),
        Flag("--data_set", "", str, default="none, a truth table",
             meaning="samples in place of a table: monks-1, monks-2, monks-3, tic-tac-toe, "
             "parity-5-of-20 or other numbers, or a CSV or .pla file of samples"),
        Flag("--dataset_split", "train_fraction", number, "+", words="; several: a run for each"),
        Flag("--train_rows", "train_rows", whole, "+", words="; several: a run for each",
             default="a share of --dataset_split"),
        Flag("--dataset_split_seed", "split_seed", whole_or_range, "+", words="; list or range"),
        Flag("--num_digits", "", whole, default="none, no images", unit="digits",
             meaning="pairs of images of digits below this, 8; with --modularity 2 2 3 2 2"),
        Flag("--digits", "", str, default="mnist",
             meaning="images: mnist, or bundled for those that come with scikit-learn"),
        Flag("--digits_path", "", str, default="--dataset_path, else ./datasets",
             meaning="folder with the four files of MNIST"),
        Flag("--num_samples_per_combination_train", "samples", whole, "+", words="; several: a "
             "run for each"),
        Flag("--num_samples_per_combination_test", "test_samples", whole),
        Flag("--normalize_img", "", None,
             meaning="digit pairs: pixels with mean 0 and deviation 1 over the training images"),
        Flag("--dataset_noise", "input_noise", number, "?",
             default=f"0; {NOISE} where the flag stands without a number"),
    ),
    "network": (
        Flag("--model", "model", str, default="mlp",
             meaning="kind of network: mlp, cnn, hierarchically_modular or "
             "hierarchically_modular_shared_modules, of images also with _mlp or _cnn behind it"),
        Flag("--arch", "hidden", whole, "+", words="; all widths, as 6 36 36 36 2"),
        Flag("--pruning_ratio", "pruning_ratio", number, default="0",
             meaning="mlp, cnn: share of weights masked at random"),
        Flag("--initial_scale", "initial_scale", number),
        Flag("--pretrained", "pretrained", str,
             meaning="JSON file with the settings of the run whose trained network this one starts "
             "from, as run.to_dict() gives them"),
        Flag("--transferred", "transferred", str),
        Flag("--img_network", "image_network", str, default="as --model says, mlp"),
        Flag("--channels", "channels", whole, "+"),
        Flag("--num_modules --num_slots", "slots", whole, "+"),
        Flag("--num_shared_modules", "shared_modules", whole),
        Flag("--module_arch", "module_hidden", whole, "+", default="2 12 1",
             meaning="modular: widths of a module: as many inputs as --topk, hidden, 1"),
        Flag("--topk", "arity", whole),
        Flag("--known_module_input --known_module_inputs", "routing", None,
             meaning="modular: what each slot reads, and the outputs, are known, not learned"),
        Flag("--known_module_locations", "selection", None,
             meaning="shared: which module fills a slot is known, not learned"),
        Flag("--known_func_outputs", "outputs", None,
             meaning="modular: which slots are the outputs is known, not learned"),
        Flag("--knowledge", "knowledge", whole, "+", unit="units",
             meaning="modular: widths of the graph whose structure counts as known",
             default="the task itself"),
        Flag("--signal_size", "signal_size", whole),
        Flag("--signals", "signals", str),
        Flag("--output_levels", "output_levels", str),
        Flag("--routing_method", "routing_method", str),
        Flag("--img_module_arch", "image_hidden", whole, "+", default="pixels 128 64 bits",
             meaning="modular, mlp: widths of an image module, as 784 128 64 3"),
        Flag("--num_img_slots", "image_slots", whole),
        Flag("--num_img_modules", "", whole, default="one for each image slot", unit="modules",
             meaning="modular: image modules, one for each image slot"),
        Flag("--num_img_shared_modules", "shared_image_modules", whole),
        Flag("--known_img_module_input", "image_routing", None,
             meaning="modular: which image a slot looks at is known, not learned",
             default="as --known_module_input"),
        Flag("--known_img_module_locations", "image_selection", None,
             meaning="modular: which image module fills a slot is known, not learned",
             default="as --known_module_locations"),
        Flag("--use_gumbel", "gumbel", None),
        Flag("--per_sample_routing", "per_sample_routing", None),
        Flag("--tau", "temperature", number),
    ),
    "training": (
        Flag("--epochs", "epochs", whole),
        Flag("--restarts", "restarts", whole),
        Flag("--full_restarts", "full_restarts", None),
        Flag("--batch_size", "batch_size", whole),
        Flag("--optimizer", "optimizer", str),
        Flag("--lr", "lr", number),
        Flag("--lr_module_input", "lr_routing", number,
             default="none, to be given where routing or outputs are learned"),
        Flag("--lr_module_location", "lr_selection", number,
             default="none, to be given where the selection is learned"),
        Flag("--schedule", "schedule", str, default="constant; exponential with --gamma"),
        Flag("--gamma", "gamma", number, default="none"),
        Flag("--lr_end", "lr_end", number),
        Flag("--lr_hold", "lr_hold", number),
        *_schedule("--lr_module_input", "lr_routing"),
        *_schedule("--lr_module_location", "lr_selection"),
        *_schedule("--tau", "temperature"),
        Flag("--weight_decay", "weight_decay", number),
        Flag("--loss", "loss", str),
        Flag("--eval_every", "eval_every", whole),
        Flag("--evaluation_rows", "evaluation_rows", whole),
        Flag("--record", "record", str),
        Flag("--seed", "seed", whole_or_range, "+", words="; list or range, which train together"),
    ),
    "results": (
        Flag("--result_path", "", str, default="./results/",
             meaning="folder of the results, Parquet files in a folder for each experiment"),
        Flag("--workers", "", whole, default="one for each core where work is long, else 1",
             meaning="training processes", unit="processes"),
        Flag("--device", "", str, default="auto, a GPU where there is one",
             meaning="where to train: auto, cpu or cuda"),
        Flag("--dry_run", "", None, meaning="say how many runs are done and to do; train nothing"),
    ),
}  # fmt: skip
DESCRIPTION = (
    "Train networks of one kind on a Boolean task; many seeds train together.  Runs whose results "
    "are in the result folder already are not done again.  Flags take underscores or hyphens."
)


def train_parser() -> Parser:
    """The parser of ``modnets train``; a flag that was not given is None."""
    parser = Parser(
        prog="modnets train", usage="modnets train [--flag value ...]", description=DESCRIPTION
    )
    for heading, flags in FLAGS.items():
        group = parser.add_argument_group(heading)
        for flag in flags:
            shape: dict = {"action": "store_true", "default": None}
            if flag.kind is not None:
                metavar = {whole_or_range: "N|N:N", whole: "N", number: "X", str: "NAME"}[flag.kind]
                metavar = "FOLDER" if flag.name.endswith("_path") else metavar
                shape = {"type": flag.kind, "nargs": flag.nargs, "metavar": metavar}
                shape |= {"const": NOISE} if flag.nargs == "?" else {}
            group.add_argument(*flag.names.split(), help=flag.help, dest=flag.name, **shape)
    return parser


def by_setting() -> dict[str, Flag]:
    """Setting of RunConfig -> its flag."""
    return {flag.setting: flag for flags in FLAGS.values() for flag in flags if flag.setting}


def in_flags(message: str) -> str:
    """An error of RunConfig or of a sweep, its leading setting called by the flag it came from.

    Examples
    --------
    >>> in_flags("arity=3 needs at least 3 sources")
    '--topk (arity)=3 needs at least 3 sources'
    >>> in_flags("lr_routing=None: learned routing needs a rate")
    '--lr_module_input (lr_routing) is not given: learned routing needs a rate'
    """
    found = re.match(r"(?P<before>unknown )?(?P<setting>\w+)(?P<none>=None)?(?=[ =:;])", message)
    flags = {setting: flag.name for setting, flag in by_setting().items()}
    flags |= {"store": "result_path", "workers": "workers", "device": "device"}
    flags |= {"digits": "digits", "folder": "digits_path"}
    if not found or found["setting"] not in flags:
        return message
    setting, flag = found["setting"], flags[found["setting"]]
    name = f"--{flag}" if flag == setting else f"--{flag} ({setting})"
    absent = " is not given" if found["none"] else ""
    return f"{found['before'] or ''}{name}{absent}{message[found.end() :]}"
