"""Public names: lazy, found by a near miss, old ones with a warning; every word is explained."""

from __future__ import annotations

import ast
import importlib
import pickle
import subprocess
import sys
import warnings
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import modnets as mn
from modnets.commands.flags import FLAGS
from modnets.config.run_config import RunConfig
from modnets.config.setting_docs import setting_doc
from modnets.config.validation import RANGES, SETTING_TYPES
from modnets.experiments.columns import schema
from modnets.glossary import GLOSSARY, entries_of, explain
from modnets.lazy import NAMESPACES, UnknownName, exports, public
from modnets.old_names import OLD_NAMES
from modnets.paths import PACKAGE

NAMES = [(space, name) for space in NAMESPACES for name in exports(space)]
#: The words of the design.
WORDS = (
    *("run", "replica", "function graph", "sub-function", "level", "slot", "module", "arity"),
    *("routing", "selection", "own modules", "shared modules", "temperature", "bit accuracy"),
    *("row accuracy", "solved", "train rows"),
)
TERMS = ("gate fit", "clarity", "faithful", "version space", "sample complexity", "oracle")
#: The public names of version 0.1.
NAMES_OF_0_1 = """
    ACCURACIES ARRANGEMENTS CNN DONT_CARE DigitPairs Digits EveryTable Explorer FAMILIES
    FunctionGraph GRAPHS Gate Live MLP MODELS ModularNetwork Readout Recovery RunConfig
    RunsFailed Split Store StoreError SubFunction TASK_SETS TaskSet TrainedRun TruthTable
    VersionSpace WorkersLost arithmetic_of arrange benchmark build by_density chance_level
    choose compare costs_of course diagram_legend draw draw_before_after draw_graph draw_legend
    draw_runs draw_scale every_table exact_answers exact_counts exact_curves forward_flops gaps
    gate gate_family gate_shares gates get_graph grid in_batch kaplan_meier kind_style last
    learning_curves load load_digits majority_floor matched_hidden module_colors n_weights
    outcome paired_difference plan plot_accuracy plot_benchmark plot_costs plot_course
    plot_digit_pairs plot_dynamics plot_gap plot_gaps plot_generalization plot_heat plot_heats
    plot_inside plot_ladder plot_learning_curves plot_multi_task plot_needed plot_recovery
    plot_solve_times plot_solved plot_time_to_solve plot_timeline plot_training_efficiency
    plot_worth probes random_graph read_out read_parameters read_table redundancy register
    relative_costs rewiring sample_complexity save_figure slot_changes solve_times split_rows
    split_task style summarize sweep time_to_solve train turning_points used_slots
    varying_settings version_space version_spaces visits with_choices worth
"""
SMALL = {"graph": "6-2-2", "epochs": 2, "train_rows": 8}


def stub(space: str) -> Path:
    path = PACKAGE.joinpath(*space.split(".")[1:])
    return path.with_suffix(".pyi") if space == "modnets.plot" else path / "__init__.pyi"


# Names


def test_few_names_stand_at_the_top() -> None:
    assert 20 < len([name for name in dir(mn) if name not in ("tasks", "models")]) < 40
    assert set(dir(mn)) == set(exports("modnets"))
    assert mn.__version__.count(".") == 2


@pytest.mark.parametrize(("space", "name"), NAMES)
def test_every_name_is_there(space: str, name: str) -> None:
    module, inner = exports(space)[name]
    value = getattr(importlib.import_module(space), name)
    assert name in dir(sys.modules[space])
    if f"{module}.{inner}" not in NAMESPACES:
        assert value is getattr(sys.modules[module], inner)


@pytest.mark.parametrize("space", NAMESPACES)
def test_no_public_name_is_that_of_a_submodule(space: str) -> None:
    """Importing the submodule would put it in the place of the name."""
    folder = PACKAGE.joinpath(*space.split(".")[1:])
    inside = {path.stem for path in folder.glob("*")} - {"__init__", "tasks", "models"}
    assert set(exports(space)) & inside <= {"analysis", "plot"}


@pytest.mark.parametrize("space", NAMESPACES)
def test_type_checkers_see_every_name(space: str) -> None:
    tree = ast.parse(stub(space).read_text())
    lines = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    renamed = {a.asname for line in lines for a in line.names if a.asname != a.name}
    listed: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Assign):
            listed = ast.literal_eval(node.value)
    assert renamed <= set(listed)
    assert not listed or listed == sorted(exports(space))


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, modnets as mn; dir(mn); mn.plot, mn.tasks, mn.models, mn.analysis;"
    code += "hasattr(mn, 'arity'), hasattr(mn.plot, '_repr_html_');"
    code += "print({'torch', 'numpy', 'pandas', 'matplotlib'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def test_import_with_a_star_and_of_submodules() -> None:
    names: dict = {}
    exec("from modnets.plot import *\nfrom modnets.tasks import splits, gate", names)
    assert names["heatmap"] is mn.plot.heatmap
    assert names["splits"].__name__ == "modnets.tasks.splits"


@pytest.mark.parametrize("old", OLD_NAMES)
def test_old_names_go_on_with_a_warning(old: str) -> None:
    new = OLD_NAMES[old]
    with pytest.warns(FutureWarning, match=rf"^mn\.{old} is mn\.{new} now; the old") as seen:
        value = getattr(mn, old)
    assert value is public(new)
    assert seen[0].filename == __file__  # where the user wrote it
    assert old not in dir(mn)


def test_names_of_version_0_1_are_all_known() -> None:
    assert set(NAMES_OF_0_1.split()) - set(OLD_NAMES) <= set(exports("modnets"))


# A miss


@pytest.mark.parametrize(
    ("space", "name", "message"),
    [
        (
            "modnets",
            "arity",
            "mn has no 'arity'; it is a setting of RunConfig: mn.RunConfig(arity=...); "
            "see mn.explain('arity')",
        ),
        ("modnets", "sumarize", "mn has no 'sumarize'; did you mean mn.summarize?"),
        ("modnets.plot", "heat", "mn.plot has no 'heat'; did you mean mn.plot.heatmap?"),
        ("modnets", "heatmap", "mn has no 'heatmap'; did you mean mn.plot.heatmap?"),
        (
            "modnets",
            "clarity",
            "mn has no 'clarity'; it is a column of results (mn.sweep, mn.load); "
            "see mn.explain('clarity')",
        ),
        ("modnets.models", "fit_gate", "did you mean mn.models.fit_gates?"),
        ("modnets", "clusters", "it is a column of mn.summarize; see mn.explain('clusters')"),
        ("modnets", "solved", "see mn.explain('solved'); did you mean mn.plot.solved?"),
        ("modnets", "zzzzqq", "mn has no 'zzzzqq'; dir(mn) lists all names"),
        ("modnets", "_ipython_display_", "mn has no '_ipython_display_'"),
    ],
)
def test_a_miss_suggests_in_one_line(space: str, name: str, message: str) -> None:
    with pytest.raises(AttributeError) as raised:
        getattr(importlib.import_module(space), name)
    text = str(raised.value)
    assert message in text
    assert "\n" not in text
    assert str(pickle.loads(pickle.dumps(raised.value))) == text


def test_asking_for_a_name_searches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def searched(*args: object) -> None:
        raise AssertionError

    monkeypatch.setattr("modnets.lazy.near_names", searched)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not hasattr(mn, "sumarize")
        assert not hasattr(mn, "_ipython_canary_method_should_not_exist_")
        assert getattr(mn.plot, "__wrapped__", None) is None
    assert isinstance(UnknownName("modnets", "x"), AttributeError)


# Settings


def test_the_docstring_of_a_config_explains_every_setting() -> None:
    text = " ".join((RunConfig.__doc__ or "").split())
    for name in SETTING_TYPES:
        doc = setting_doc(name)
        assert f"{name} : {doc.type}" in text
        assert all(part in text for part in (doc.meaning[1:], doc.unit, doc.allowed, doc.default))
    assert "arity : int or None, at least 1" in text
    assert "routing : str or None, known or learned" in text


def test_help_says_what_is_allowed() -> None:
    flags = {flag.names: flag.help for group in FLAGS.values() for flag in group}
    assert "allowed: adam, sgd, momentum or rmsprop;" in flags["--optimizer"]
    assert "allowed: in (0, 1];" in flags["--gamma"]
    assert "allowed: 1 to 1,000,000,000;" in flags["--epochs"]
    assert "allowed" not in flags["--known_module_input --known_module_inputs"]


@pytest.mark.parametrize("name", [name for name in SETTING_TYPES if str(RANGES[name])])
def test_a_stated_range_is_the_one_that_is_checked(name: str) -> None:
    """At its ends; where nothing else is wrong, a refusal names the setting."""
    allowed, kind = RANGES[name], SETTING_TYPES[name].kind
    least, most = allowed.least, allowed.most
    assert least is not None
    base = {"schedule": "exponential", "gamma": 0.5}
    below = least if allowed.above else least - 1
    with pytest.raises(ValueError, match=rf"^{name}="):
        RunConfig(**(base | {name: kind(below)}))
    if most is not None:
        beyond = most if allowed.below else most + 1
        with pytest.raises(ValueError, match=rf"^{name}="):
            RunConfig(**(base | {name: kind(beyond)}))
    inside = kind(least + (0 if kind is int else 1e-3) + (kind is int and allowed.above))
    if name not in ("train_fraction",):  # which leaves no row of a small table
        assert getattr(RunConfig(**(base | {name: inside})), name) == inside


# Words


def explained(word: str) -> str:
    entries = entries_of(word)
    assert entries, word
    assert all(len(entry.text) > 3 for entry in entries)
    return "\n".join(map(str, entries))


@pytest.mark.parametrize("word", [*WORDS, *TERMS])
def test_words_of_the_design_are_explained(word: str) -> None:
    assert len(explained(word)) > 40


def test_every_setting_and_column_is_explained() -> None:
    for name in (f.name for f in fields(RunConfig)):
        assert f"RunConfig({name}=...)" in explained(name)
    for name in schema().names:
        text = explained(name)
        assert "results" in text, name
    for group in FLAGS.values():
        for flag in group:
            assert all("modnets train" in explained(name) for name in flag.names.split())


def test_columns_of_tables_are_explained() -> None:
    runs = mn.grid(
        mn.RunConfig(**SMALL), model=["dense", "shared"], routing="known", seeds=range(2)
    )
    run = mn.train(mn.RunConfig(**SMALL, model="shared", routing="known"))
    dense = mn.train(mn.RunConfig(**SMALL))
    results = pd.concat([mn.train(run).table for run in runs])
    tables = mn.summarize(results), mn.analysis.gates(run.table), mn.analysis.probes(dense.table)
    for table in tables:
        assert len(table)
        for name in table.columns:
            assert "from: " in explained(name), name


def test_what_is_related_exists() -> None:
    assert len(GLOSSARY) > 150
    for entry in GLOSSARY.values():
        for word in entry.see_also:
            if word.startswith("mn."):
                assert public(word.removeprefix("mn.")) is not None
            else:
                assert word in GLOSSARY, f"{entry.word}: {word}"
        assert entry.word not in entry.see_also
        assert set(entry.kinds) <= {"setting", "column", "flag", "term"}
        assert "\n" not in entry.text


def test_explain_prints(capsys: pytest.CaptureFixture) -> None:
    explain("arity")
    text = capsys.readouterr().out
    assert text.startswith("arity (setting, term)\n")
    for line in ("unit: inputs", "allowed: at least 1", "default: the graph's fan-in", "--topk"):
        assert line in text
    for word in (
        "Gate-Fit",
        "--topk",
        "TOPK",
        "modules",
        "plot.heatmap",
        "mn.summarize",
        "solved_low",
    ):
        mn.explain(word)
        assert len(capsys.readouterr().out) > 40, word
    mn.explain()
    listed = capsys.readouterr().out
    assert all(word in " ".join(listed.split()) for word in GLOSSARY)
    assert max(map(len, listed.splitlines())) <= 100


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("clartiy", r"^unknown word 'clartiy', did you mean 'clarity'"),
        ("sumarize", r"did you mean 'mn\.summarize'\?; mn\.explain\(\) lists all words$"),
        ("zzzzqq", r"^unknown word 'zzzzqq'; mn\.explain\(\) lists"),
        ("plot.", "^unknown word"),
        ("", "^unknown word"),
        ("a" * 5000, r"^unknown word 'a+\.\.\.'"),
        (np.arange(3), r"^word=array\(.*allowed is a word or None$"),
    ],
)
def test_an_unknown_word_is_refused_in_one_line(word: object, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        explain(word)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)
