"""What a run may start from, how it is written down, and how tables and studies show it."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

import modnets as mn
from modnets.analysis.kinds import kind_settings, pieces_of
from modnets.commands.train import main
from modnets.config.points import tally
from modnets.config.shapes import shape_of
from modnets.models.registry import MODELS, register
from modnets.tasks.digit_pairs import DigitPairs
from modnets.visuals.style import kind_style

DENSE = mn.RunConfig()
SHARED = mn.RunConfig(model="shared", routing="known")
MODULAR = mn.RunConfig(model="modular")
LEARNED = replace(SHARED, routing="learned")
EIGHT = mn.FunctionGraph(8, [["XOR 0 1", "XOR 2 3"], ["AND 0 1", "OR 0 1"]])
PAIRS = mn.RunConfig(graph=DigitPairs(), model="shared")


@pytest.mark.parametrize(
    ("run", "changes", "message"),
    [
        (DENSE, {"pretrained": 3}, "pretrained=3; allowed is a RunConfig"),
        (DENSE, {"pretrained": {"model": "dense"}}, "pretrained=.*; allowed is a RunConfig"),
        (SHARED, {"transferred": "some"}, "unknown transferred 'some'.*allowed: all, modules"),
        (SHARED, {"pretrained": DENSE}, "pretrained: model='dense'; .* allowed is 'shared', as of"),
        (
            DENSE,
            {"pretrained": replace(DENSE, hidden=(9,))},
            r"pretrained: hidden=\(9,\); with transferred='all' allowed is \(36, 36, 36\), as of",
        ),
        (
            DENSE,
            {"pretrained": DENSE, "graph": EIGHT},
            "pretrained: graph with n_inputs=6; with transferred='all' allowed is 8, as of this",
        ),
        (
            replace(SHARED, transferred="modules"),
            {"pretrained": replace(SHARED, shared_modules=5)},
            "pretrained: shared_modules=5; with transferred='modules' allowed is 2, as of this run",
        ),
        (
            replace(SHARED, transferred="modules"),
            {"pretrained": replace(SHARED, module_hidden=(5,))},
            r"pretrained: module_hidden=\(5,\); .* allowed is \(12,\), as of this run",
        ),
        (
            replace(LEARNED, transferred="modules", arity=2),
            {"pretrained": replace(LEARNED, arity=3)},
            "pretrained: arity=3; with transferred='modules' allowed is 2, as of this run",
        ),
        (
            replace(MODULAR, transferred="modules"),
            {"pretrained": replace(MODULAR, slots=(4, 3))},
            r"pretrained: slots=\(4, 3\); with transferred='modules' allowed is \(3, 2\), as of",
        ),
        (LEARNED, {"pretrained": SHARED}, "pretrained: routing='known'; with .*is 'learned', as"),
        (
            LEARNED,
            {"pretrained": replace(LEARNED, routing_method="mixtures", gumbel=True)},
            "pretrained: routing_method='mixtures'; with transferred='all' allowed is None, as of",
        ),
        (
            replace(LEARNED, transferred="modules", routing_method="best"),
            {"pretrained": SHARED},
            "routing_method='best' starts modules at tables of its own.*allowed are .*'given'",
        ),
        (SHARED, {"pretrained": SHARED, "restarts": 3}, "restarts=3: with transferred='all' they"),
        (
            replace(DENSE, model="sparse"),
            {"pretrained": mn.RunConfig(model="sparse", restarts=3)},
            "pretrained: restarts=3 of model='sparse'; allowed is 1",
        ),
        (
            replace(PAIRS, transferred="modules"),
            {"pretrained": replace(PAIRS, image_hidden=(9,))},
            r"pretrained: image_hidden=\(9,\); with transferred='modules' allowed is \(128, 64\)",
        ),
    ],
)
def test_networks_that_do_not_fit_are_refused(
    run: mn.RunConfig, changes: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        replace(run, **changes)
    assert "\n" not in str(caught.value)


def test_networks_that_fit() -> None:
    two = mn.TaskSet([mn.GRAPHS["6-3-2-2"]] * 2)
    replace(LEARNED, pretrained=replace(SHARED, slots=None), transferred="modules")
    pool = replace(LEARNED, shared_modules=4, transferred="modules")
    replace(pool, pretrained=mn.RunConfig(graph=two, model="shared", shared_modules=4))
    replace(pool, pretrained=mn.RunConfig(graph="6-2-2", model="shared", shared_modules=4))
    replace(LEARNED, routing_method="given", pretrained=replace(LEARNED, routing_method="best"))
    replace(PAIRS, pretrained=PAIRS, transferred="modules")


def test_a_chain_has_an_end() -> None:
    run = replace(DENSE, epochs=1)
    for _ in range(100):
        run = replace(run, pretrained=run, epochs=1)
    assert mn.RunConfig.from_dict(json.loads(json.dumps(run.to_dict()))).key == run.key
    assert len(shape_of(run)) < 5000
    with pytest.raises(ValueError, match=r"pretrained: 101 runs one after the other; .* most 100"):
        replace(run, pretrained=run)


def test_stages_have_as_many_runs() -> None:
    runs = mn.grid(SHARED, seeds=range(3))
    chained = mn.in_sequence([runs, runs, runs])
    assert chained[0] == runs
    assert [run.pretrained for run in chained[2]] == chained[1]
    with pytest.raises(ValueError, match="stages of 3 and 2 runs; allowed are as many in each"):
        mn.in_sequence([runs, runs[:2]])
    with pytest.raises(ValueError, match=r"stages=.*; allowed is a list, each a list"):
        mn.in_sequence([[3]])
    with pytest.raises(ValueError, match="unknown transferred 'some'"):
        mn.in_sequence([runs], transferred="some")


@pytest.mark.parametrize(
    ("run", "kind"),
    [
        (replace(DENSE, pretrained=DENSE, transferred="modules"), "dense, continued"),
        (replace(DENSE, lr=0), "dense, frozen"),
        (replace(SHARED, pretrained=SHARED), "shared, known, continued"),
        (
            replace(
                LEARNED, routing_method="given", lr=0, pretrained=SHARED, transferred="modules"
            ),
            "shared, learned (given), reused, frozen",
        ),
    ],
)
def test_kinds_say_what_is_reused(run: mn.RunConfig, kind: str) -> None:
    assert run.kind == kind
    plain = kind.replace(", reused", "").replace(", continued", "").replace(", frozen", "")
    assert pieces_of(kind) == pieces_of(plain)
    assert (kind_style(kind).color, kind_style(kind).label) == (kind_style(plain).color, kind)


def test_settings_of_a_kind_that_is_frozen() -> None:
    settings = kind_settings("shared, learned (given), frozen")
    assert mn.RunConfig(**settings).kind == "shared, learned (given), frozen"
    with pytest.raises(ValueError, match="kind='dense, continued'"):
        kind_settings("dense, continued")


def test_what_a_run_was_trained_on_stands_in_its_row() -> None:
    last = replace(DENSE, pretrained=replace(DENSE, graph="6-3-2-2", pretrained=DENSE), seed=2)
    assert last.to_row()["pretrained"] == "6-3-2-2 > 6-3-2-2 (dense)"
    assert DENSE.to_row()["pretrained"] is None
    for one in (pickle.loads(pickle.dumps(last)), copy.deepcopy(last)):
        assert (one, one.key) == (last, last.key)
    seeded = last.with_seeds(seed=5)
    assert (seeded.pretrained, seeded.key) == (last.pretrained, replace(last, seed=5).key)


def test_the_key_follows_the_code_of_what_is_started_from() -> None:
    try:
        keys = []
        for bias in (False, True):

            @register("test-earlier")
            def build(config: mn.RunConfig, bias: bool = bias) -> object:
                raise NotImplementedError

            base = mn.RunConfig(model="test-earlier")
            run = replace(base, pretrained=base)
            keys.append(run.key)
        assert len(set(keys)) == 2
    finally:
        del MODELS["test-earlier"]


# Studies, stores, and the command line

STUDY = """
base:
  model: shared
  routing: learned
  routing_method: given
  transferred: modules
  lr: 0
  epochs: 2
  train_rows: 12
axes:
  pretrained:
    - {model: shared, routing: known, epochs: 3, train_rows: 30}
    - {model: shared, routing: known, epochs: 3, train_rows: 30, graph: 6-3-2-2, seed: 1}
  seeds: 0:3
"""


def test_studies_name_what_runs_start_from(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    study = mn.study(tmp_path / "study.yaml")
    assert [run.pretrained.seed for run in study.runs] == [0, 0, 0, 1, 1, 1]
    assert mn.study(study.spec).runs == study.runs
    counted = tally(study.parts)
    assert (counted.n_runs, sorted(count for _, count in counted.groups.values())) == (6, [2, 6])
    wrong = STUDY.replace("seed: 1", "sed: 1")
    with pytest.raises(ValueError, match=r"unknown setting in pretrained 'sed', did you mean 'see"):
        mn.study({"base": {"pretrained": {"sed": 1}}})
    (tmp_path / "wrong.yaml").write_text(wrong)
    with pytest.raises(ValueError, match=r"wrong.yaml, line 11: unknown setting in pretrained"):
        mn.study(tmp_path / "wrong.yaml")


def test_a_store_holds_what_runs_start_from(tmp_path: Path) -> None:
    run = replace(SHARED, pretrained=replace(SHARED, epochs=2), epochs=2, train_rows=20)
    table = mn.sweep([run], tmp_path, progress=False)
    assert set(table["pretrained"]) == {"6-3-2-2 (shared, known)"}
    assert set(table["transferred"]) == {"all"}
    assert set(table["kind"]) == {"shared, known, continued"}
    text = mn.Store(tmp_path).details()["config"].iloc[-1]
    assert mn.RunConfig.from_dict(json.loads(text)) == run


def test_a_command_line_names_a_file(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    source = mn.RunConfig(train_rows=20, epochs=3)
    path = tmp_path / "source.json"
    path.write_text(json.dumps(source.to_dict()))
    common = ["train", "--train_rows", "20", "--epochs", "3", "--result_path", str(tmp_path / "r")]
    assert main([*common[1:], "--pretrained", str(path)]) == 0
    assert "dense, continued on 6-3-2-2" in capsys.readouterr().out
    for text, message in (
        ("{", "cannot be read (no JSON); allowed is a JSON file with the settings of a run"),
        ('{"model": "dens"}', "unknown model 'dens'"),
    ):
        path.write_text(text)
        assert main([*common[1:], "--pretrained", str(path)]) == 2
        assert message in capsys.readouterr().err
