"""Definitions of the terms of the field and of this package, and of columns of tables, as text.

:mod:`modnets.glossary` adds the settings and flags; the explorer shows some on hover.
"""

from __future__ import annotations

from typing import NamedTuple


class Definition(NamedTuple):
    """What a word means.

    Parameters
    ----------
    text : str
    unit, range : str
        Of what has values.
    see_also : tuple of str
        Words, or public names such as ``"mn.analysis.gates"``.
    """

    text: str
    unit: str = ""
    range: str = ""
    see_also: tuple[str, ...] = ()


SHARE = "in [0, 1]"

TERMS = {
    # Runs
    "run": Definition(
        "one RunConfig and its result",
        see_also=("key", "replica", "mn.RunConfig", "mn.train"),
    ),
    "key": Definition(
        "the name of a run in a store: 16 hexadecimal digits, a hash of the config with all "
        "defaults worked out, and of the code of a user-defined model",
        see_also=("run", "store"),
    ),
    "replica": Definition(
        "the place of a run among those that train side by side as one batch; axis 0 of the "
        "engine's tensors",
        see_also=("chunk", "run"),
    ),
    "chunk": Definition(
        "runs of one shape that train side by side in one process",
        see_also=("replica", "mn.plan"),
    ),
    "store": Definition(
        "a folder of Parquet files with the results of runs; a sweep leaves out what is in it",
        see_also=("mn.Store", "mn.load", "mn.sweep"),
    ),
    "study": Definition(
        "the runs of a question, as a YAML file: settings, axes, axes that go together, filters; a "
        "sweep keeps the file in its store",
        see_also=("store", "shard", "mn.study", "mn.sweep"),
    ),
    "shard": Definition(
        "a part of a study for one of several jobs, as 1/3: the parts are disjoint and together "
        "all, and each run comes out as in one sweep",
        see_also=("study", "mn.sweep"),
    ),
    "provenance": Definition(
        "what something was made from: of results versions, commit and machine; of a figure also "
        "the notebook with its parameters, and hashes of the settings and results of its runs",
        see_also=("run", "store", "mn.save_figure", "mn.plot.figure_info"),
    ),
    "report": Definition(
        "a study as one file of HTML that needs no network and nothing beside it: question, "
        "settings, figures with their numbers, failures, networks, a replay, provenance",
        see_also=("study", "store", "provenance", "mn.report"),
    ),
    "tidy table": Definition(
        "a row for each run and evaluated epoch, a column for each setting and each measure; "
        "mn.analysis.last takes the last row of each run",
        see_also=("run", "store", "mn.load", "mn.analysis.last"),
    ),
    "replay": Definition(
        "training a run again from its config, with the same chunk and choice of compiled steps: "
        "the result is the same bit for bit",
        see_also=("run", "chunk", "mn.train"),
    ),
    # Tasks
    "function graph": Definition(
        "a task with known structure: sub-functions in levels, each reading the level below; named "
        "by its widths, as 6-3-2-2",
        see_also=("sub-function", "level", "mn.FunctionGraph", "mn.draw_graph"),
    ),
    "sub-function": Definition(
        "a node of a function graph: a gate with the indices of its inputs in the level below, as "
        "XOR 0 1",
        see_also=("gate", "function graph", "mn.tasks.SubFunction"),
    ),
    "gate": Definition(
        "a Boolean function of few inputs, as XOR; A, B, ... pass an input on, NOT_A, NOT_B, ... "
        "its complement, OTHER has no name",
        see_also=("gate fit", "sub-function", "mn.tasks.gate"),
    ),
    "fan-in": Definition("the most inputs that a sub-function of a graph has", see_also=("arity",)),
    "truth table": Definition(
        "the outputs of a task for every combination of inputs, rows in lexicographic order",
        see_also=("don't-care", "mn.TruthTable", "mn.tasks.read_table"),
    ),
    "don't-care": Definition(
        "an output that may be either; left out of loss and scores",
        see_also=("truth table", "mn.tasks.DONT_CARE"),
    ),
    "task set": Definition(
        "several tasks of the same inputs, learned at once; a row holds the one-hot id of its task",
        see_also=("held_out", "mn.TaskSet", "mn.tasks.TASK_SETS"),
    ),
    "data set": Definition(
        "samples: rows of input bits with labels and no table, as monks-1, monks-2, monks-3, "
        "tic-tac-toe or parity-5-of-20, or read from a file",
        see_also=("mn.Samples", "mn.tasks.read_samples", "mn.tasks.DATA_SETS", "mn.tasks.monks"),
    ),
    "digit pair": Definition(
        "two images of digits, 0 to 7, labelled by a function of the bits of both",
        see_also=("samples", "seen and unseen", "mn.tasks.DigitPairs"),
    ),
    "seen and unseen": Definition(
        "of digit pairs: new images of pairs of digits shown in training (test_seen_...), and "
        "pairs that were not shown (test_unseen_...)",
        see_also=("digit pair", "test_seen_bit_accuracy", "test_unseen_bit_accuracy"),
    ),
    "split": Definition(
        "the rows of a task divided into training, validation and test rows, by split_seed; those "
        "of one seed are nested",
        see_also=("split_seed", "train_rows", "mn.tasks.split_task"),
    ),
    # Networks
    "dense": Definition(
        "a multilayer perceptron, every unit reads all units below", see_also=("monolithic",)
    ),
    "sparse": Definition(
        "a multilayer perceptron, a share of its weights absent from the start",
        see_also=("pruning_ratio", "monolithic"),
    ),
    "monolithic": Definition(
        "without modules: a dense or sparse multilayer perceptron or CNN",
        see_also=("dense", "sparse", "mn.models.MLP", "mn.models.CNN"),
    ),
    "modular network": Definition(
        "levels of slots, each filled by a module that reads outputs of the level below",
        see_also=("own modules", "shared modules", "mn.models.ModularNetwork"),
    ),
    "level": Definition(
        "a row of slots of a modular network, or of sub-functions of a graph; level 1 reads inputs",
        see_also=("slot", "sub-function"),
    ),
    "slot": Definition(
        "a position in a level of a modular network, which a module fills; it gives one signal; "
        "s1.0 is the first of level 1",
        see_also=("level", "module", "slots"),
    ),
    "signal": Definition(
        "what a slot gives to the level above: a value, several values, its channels, or bits",
        see_also=("slot", "signal_size", "signals"),
    ),
    "module": Definition(
        "a small multilayer perceptron that fills a slot and stands for one sub-function; of a "
        "shared pool the same letter, or number, is the same module",
        see_also=("slot", "own modules", "shared modules", "module_hidden"),
    ),
    "own modules": Definition(
        "every slot has a module, a small network, of its own",
        see_also=("shared modules", "module", "model"),
    ),
    "shared modules": Definition(
        'slots are filled from one pool of modules, so that one can serve several (model="shared")',
        see_also=("own modules", "shared_modules", "selection"),
    ),
    "known": Definition(
        "given, as in the task's graph", see_also=("learned", "routing", "knowledge")
    ),
    "learned": Definition(
        "found in training, by straight-through estimation over logits",
        see_also=("known", "routing", "temperature", "straight-through estimator"),
    ),
    "routing": Definition(
        "also: the wiring itself, which outputs of the level below each slot reads (inter-module "
        "connectivity)",
        see_also=("selection", "known", "learned", "lr_routing", "routing_recovered"),
    ),
    "selection": Definition(
        "also: the choice itself, of a module of the shared pool for each slot",
        see_also=("routing", "shared modules", "lr_selection"),
    ),
    "arity": Definition("the paper's topk", see_also=("fan-in", "slot")),
    "temperature": Definition(
        "the paper's tau; the higher, the more alike the chances of all choices",
        see_also=("learned", "gumbel", "annealing"),
    ),
    "annealing": Definition(
        "a change over the epochs: of the temperature, so that choices that are alike at first "
        "become clear-cut; of learning rates, of all or of one group by itself.  A schedule may "
        "hold for a share of the epochs, and then goes to its end by a constant factor "
        "(exponential), along half a period of a cosine, or linearly",
        see_also=("temperature_schedule", "schedule", "lr_routing_schedule"),
    ),
    "straight-through estimator": Definition(
        "a choice is one-hot in the forward pass, and has the gradient of a sigmoid (routing) or "
        "softmax (selection) of its logits in the backward pass (Bengio, Leonard and Courville, "
        "2013)",
        see_also=("learned", "routing", "selection"),
    ),
    "routing method": Definition(
        "how what is learned of routing, selection and outputs is found: by straight-through "
        "choices beside the weights (published), maybe of whole sets of sources, by mixtures of "
        "modules' outputs, or before the first step on the training rows",
        see_also=("routing_method", "gibbs sampling", "mn.models.register_routing_method"),
    ),
    "gibbs sampling": Definition(
        "one slot after the other is drawn anew given all others, sources and a table in place of "
        "its module, with probability exp(-errors / temperature) on the training rows",
        see_also=("routing_method", "routing method"),
    ),
    "successive halving": Definition(
        "many starts train for a short time, the best of them for longer, the best of these to the "
        "end (Jamieson and Talwalkar, 2016); here thirds, by the loss on training rows",
        see_also=("restarts", "start"),
    ),
    "gumbel": Definition(
        "so that training tries other choices too, the likelier the larger their logit",
        see_also=("temperature", "per_sample_routing"),
    ),
    "penalty": Definition(
        "what a network adds to the mean loss in training: its forward gives logits and a number; "
        "it is no part of any loss in results",
        see_also=("loss", "mn.register"),
    ),
    "hook": Definition(
        "a function that is called at each evaluation: one of a run's settings, whose measures "
        "become columns of results; or one given to train or sweep, which only looks on",
        see_also=("on_evaluation", "mn.models.register_hook", "mn.sweep"),
    ),
    # Results
    "gate fit": Definition(
        "the gate that a slot computes: its output on all rows, with a threshold, as a function of "
        "the signals that it reads",
        see_also=("clarity", "faithful", "mn.models.fit_gates", "mn.analysis.gates"),
    ),
    "clarity": Definition(
        "how clear-cut a gate is: the gap between outputs read as 0 and as 1", "", SHARE
    ),
    "linear probe": Definition(
        "a ridge regression from the units of a hidden layer to a sub-function of the task (Alain "
        "and Bengio, 2016), scored on rows left out",
        see_also=("readable", "mn.analysis.probes"),
    ),
    "recovery": Definition(
        "the true structure is found, up to a permutation of slots and modules, the order of "
        "inputs of symmetric gates, and the complement of inner signals",
        see_also=("recovered", "routing_recovered", "edge_f1", "mn.models.compare"),
    ),
    "sample complexity": Definition(
        "the number of training rows with which a share of the runs solves the task",
        "rows",
        see_also=("solved", "mn.analysis.sample_complexity"),
    ),
    "knowledge savings": Definition(
        "the training rows that a piece of knowledge of the structure saves: sample complexity "
        "without it, less that with it",
        "rows",
        see_also=("sample complexity", "mn.analysis.knowledge_savings"),
    ),
    "hypothesis space": Definition(
        "all functions that a kind of network can express, if its modules may be any gate",
        see_also=("version space", "mn.analysis.modular_version_space"),
    ),
    "version space": Definition(
        "the functions of the hypothesis space that agree with all training rows",
        see_also=("hypothesis space", "information gap", "mn.analysis.VersionSpace"),
    ),
    "information gap": Definition(
        "the error of a function picked at random from the version space: what the training rows "
        "leave open",
        see_also=("optimisation gap", "mn.analysis.gaps"),
    ),
    "optimisation gap": Definition(
        "the error of trained networks beyond the information gap; negative where training prefers "
        "the right function",
        see_also=("information gap", "mn.analysis.gaps"),
    ),
    "oracle": Definition(
        "exact enumeration in place of training: what the functions of the version space answer, a "
        "reference for trained networks",
        see_also=("version space", "mn.analysis.exact_answers", "mn.analysis.exact_curves"),
    ),
    "inter-quartile mean": Definition(
        "the mean of the middle half of the runs, which outliers do not move",
        see_also=("mn.summarize",),
    ),
}

_OF_PARTS = {
    "train": "training rows",
    "validation": "validation rows",
    "test": "test rows",
    "test_seen": "new images of pairs of digits shown in training",
    "test_unseen": "images of pairs of digits not shown in training",
}
_MEASURES = {
    "loss": Definition("mean loss on", "nats for bce", "at least 0", ("loss",)),
    "bit_accuracy": Definition("share of output bits right on", "", SHARE, ("row_accuracy",)),
    "row_accuracy": Definition(
        "share of rows with every output bit right on", "", SHARE, ("bit_accuracy", "solved")
    ),
}

#: Columns of results that are no setting; those of what is learned inside stand in
#: ``training/inspection.py``.
RESULT_COLUMNS = {
    "kind": Definition(
        "the kind of network in words: model, and what of its structure is known",
        see_also=("model", "routing", "selection"),
    ),
    "epoch": Definition("epochs trained at this evaluation", "epochs", see_also=("eval_every",)),
    **{
        f"{part}_{measure}": Definition(f"{about.text} {rows}", *about[1:])
        for part, rows in _OF_PARTS.items()
        for measure, about in _MEASURES.items()
    },
    "bit_accuracy": Definition(
        "share of output bits right on the whole truth table, above 4,096 rows estimated from a "
        "sample; of images, on those not trained on",
        range=SHARE,
        see_also=("row_accuracy", "test_bit_accuracy", "bit_accuracy_se", "evaluation_rows"),
    ),
    "row_accuracy": Definition(
        "share of rows of the truth table with every output bit right, above 4,096 rows estimated "
        "from a sample; of images, of those not trained on",
        range=SHARE,
        see_also=("bit_accuracy", "solved", "row_accuracy_se", "evaluation_rows"),
    ),
    **{
        f"{measure}_se": Definition(
            f"standard error of {measure}, from the sample of rows that is evaluated; 0 where "
            "every row of the table is, NaN of images",
            range=SHARE,
            see_also=(measure, "evaluation_rows"),
        )
        for measure in ("bit_accuracy", "row_accuracy")
    },
    "solved": Definition(
        "whether every row of the truth table is right, above 4,096 rows every row of the sample "
        "that is evaluated; for digit pairs, of every pair the majority over images not trained "
        "on; in a summary the share of such runs",
        range="true or false; in [0, 1]",
        see_also=("row_accuracy", "sample complexity", "evaluation_rows"),
    ),
    "start": Definition(
        "the start that a run with restarts has kept, 0 is the run without them; in its last row",
        see_also=("restarts", "flops"),
    ),
    "flops": Definition(
        "floating-point operations of the training steps of all starts of a run with restarts, "
        "forward, backward and optimizer, without evaluations; in its last row",
        see_also=("restarts", "start", "mn.analysis.costs_of"),
    ),
    "predicted": Definition(
        "a detail (Store.details): the truth table that the run has learned, for each output a "
        "hexadecimal number, first row in the highest bit",
        see_also=("mn.Store", "truth table"),
    ),
    "structure": Definition(
        "a detail (Store.details): routing, selection and gates that the run has learned, as JSON",
        see_also=("mn.Store", "mn.analysis.gates", "mn.analysis.probes"),
    ),
    "measured": Definition(
        "in files: what the hooks of a run have measured, as JSON; in tables a column for each",
        see_also=("hook", "on_evaluation"),
    ),
    "config": Definition(
        "a detail (Store.details): the settings that make the run again, as JSON",
        see_also=("mn.Store", "mn.RunConfig"),
    ),
}

#: Column of a table other than results -> the function that returns it, and what it holds.
OTHER_COLUMNS = {
    "n": ("mn.summarize", Definition("runs in the group", "runs")),
    "clusters": (
        "mn.summarize",
        Definition("independent observations among the runs: those of one split are one cluster"),
    ),
    "n_solved": ("mn.summarize", Definition("runs in the group that solve the task", "runs")),
    "confidence": ("mn.summarize", Definition("level of all intervals", range="in (0, 1)")),
    "floor": (
        "mn.summarize",
        Definition(
            "bit accuracy of the best constant answer, the majority of each output",
            range="in [0.5, 1]",
            see_also=("mn.analysis.majority_floor",),
        ),
    ),
    "task": ("mn.analysis.gates", Definition("index of the task in a task set; 0 of one task")),
    "level": ("mn.analysis.gates", Definition("level of the slot or sub-function, 1 is the first")),
    "slot": ("mn.analysis.gates", Definition("index of the slot in its level")),
    "module": (
        "mn.analysis.gates",
        Definition("index in the shared pool; own modules are numbered through the levels"),
    ),
    "reads": (
        "mn.analysis.gates",
        Definition("inputs, or signals of slots below, that the slot reads, in order, by index"),
    ),
    "used": ("mn.analysis.gates", Definition("whether an output uses the slot")),
    "gate": ("mn.analysis.gates", Definition("the fitted gate, in normal form")),
    "node": (
        "mn.analysis.gates",
        Definition("index in its level of the sub-function that the slot matches best"),
    ),
    "sub_function": (
        "mn.analysis.gates",
        Definition("that sub-function, as XOR 0 1", see_also=("sub-function",)),
    ),
    "layer": ("mn.analysis.probes", Definition("hidden layer, 1 is the first")),
    "accuracy": (
        "mn.analysis.probes",
        Definition(
            "balanced accuracy of a linear probe on rows left out; 0.5 is chance",
            range=SHARE,
            see_also=("linear probe", "readable"),
        ),
    ),
}

#: Endings of columns of summaries -> what they add to the column without them.
ENDINGS = {
    "_low": "lower end of the interval of",
    "_high": "upper end of the interval of",
    "_mean": "plain mean over runs, where the column itself is the inter-quartile mean, of",
}

#: Columns of what is learned inside -> range and words to look at; their text stands in
#: ``training/inspection.py``.
INSIDE = {
    "recovered": ("0 or 1", ("recovery", "routing_recovered")),
    "routing_recovered": ("0 or 1", ("recovery", "recovered", "routing")),
    "edge_f1": (SHARE, ("recovery", "routing")),
    "irrelevant_reads": (SHARE, ("routing",)),
    "unused_slots": (SHARE, ("slot",)),
    "unused_modules": (SHARE, ("shared modules",)),
    "collapsed": (SHARE, ("gate fit",)),
    "clarity": (SHARE, ("gate fit", "faithful")),
    "faithful": ("0 or 1", ("gate fit", "clarity")),
    "readable": (SHARE, ("linear probe", "accuracy")),
}

#: Setting of RunConfig -> words to look at.
OF_SETTINGS: dict[str, tuple[str, ...]] = {
    "graph": ("function graph", "truth table", "data set", "mn.GRAPHS", "mn.tasks.TASK_SETS"),
    "train_rows": ("split", "train_fraction", "sample complexity"),
    "train_fraction": ("train_rows",),
    "evaluation_rows": ("split", "solved", "bit_accuracy_se", "row_accuracy_se"),
    "split_seed": ("split", "seed"),
    "held_out": ("task set",),
    "samples": ("digit pair", "test_samples"),
    "test_samples": ("digit pair", "samples"),
    "model": ("kind", "modular network", "monolithic", "mn.MODELS", "mn.register"),
    "hidden": ("dense", "mn.analysis.matched_hidden"),
    "pruning_ratio": ("sparse",),
    "knowledge": ("known", "knowledge savings"),
    "outputs": ("routing", "output_levels"),
    "slots": ("slot", "level"),
    "shared_modules": ("shared modules", "selection"),
    "pretrained": ("transferred", "lr", "mn.in_sequence", "mn.analysis.revisits"),
    "transferred": ("pretrained", "routing_method", "mn.in_sequence"),
    "module_hidden": ("module",),
    "signal_size": ("signal", "signals", "module"),
    "signals": ("signal", "signal_size", "module"),
    "output_levels": ("outputs", "level"),
    "image_network": ("digit pair", "image_hidden", "channels"),
    "image_hidden": ("image_network", "channels"),
    "channels": ("image_network", "image_hidden"),
    "image_slots": ("slot", "image_routing", "shared_image_modules"),
    "shared_image_modules": ("shared modules", "image_selection"),
    "image_routing": ("routing", "image_slots"),
    "image_selection": ("selection", "shared_image_modules"),
    "options": ("mn.register",),
    "epochs": ("epoch", "eval_every"),
    "restarts": ("full_restarts", "successive halving", "start", "flops", "seed"),
    "full_restarts": ("restarts",),
    "batch_size": ("train_rows",),
    "optimizer": ("lr", "weight_decay", "schedule"),
    "lr": ("lr_routing", "lr_selection", "schedule", "mn.analysis.choose"),
    "routing_method": ("routing method", "gibbs sampling", "learned"),
    "lr_routing": ("lr", "routing", "learned"),
    "lr_selection": ("lr", "selection", "learned"),
    "schedule": ("annealing", "gamma", "lr", "lr_end", "lr_hold"),
    "gamma": ("schedule",),
    "lr_end": ("schedule", "lr_hold"),
    "lr_hold": ("schedule", "lr_end"),
    "lr_routing_schedule": ("annealing", "lr_routing", "lr_routing_end", "lr_routing_hold"),
    "lr_routing_end": ("lr_routing_schedule",),
    "lr_routing_hold": ("lr_routing_schedule",),
    "lr_selection_schedule": ("annealing", "lr_selection", "lr_selection_end", "lr_selection_hold"),
    "lr_selection_end": ("lr_selection_schedule",),
    "lr_selection_hold": ("lr_selection_schedule",),
    "temperature_schedule": ("annealing", "temperature", "temperature_end", "temperature_hold"),
    "temperature_end": ("temperature_schedule",),
    "temperature_hold": ("temperature_schedule",),
    "weight_decay": ("optimizer",),
    "loss": ("train_loss", "test_loss", "penalty", "mn.models.register_loss"),
    "on_evaluation": ("hook", "eval_every", "mn.models.register_hook"),
    "input_noise": ("seed",),
    "per_sample_routing": ("gumbel",),
    "eval_every": ("epoch", "record"),
    "record": ("eval_every", "mn.analysis.rewiring", "mn.analysis.gates"),
    "seed": ("split_seed", "replay"),
}
