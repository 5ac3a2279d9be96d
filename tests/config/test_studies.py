"""Studies as files: the runs of a grid, filters, parts, and one line for what is wrong."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import modnets as mn
from modnets.config.filters import Filter
from modnets.config.points import Points, tally
from modnets.config.run_keys import keys_with_seeds
from modnets.config.studies import Study, study
from modnets.config.study_values import from_words
from modnets.config.yaml_text import from_yaml, to_yaml
from modnets.paths import ROOT
from modnets.tasks.graph_families import FAMILIES
from modnets.tasks.graph_specs import graph_from, graphs_from

BASE = mn.RunConfig(graph="6-2-2", epochs=7)
TEXT = """
about: a test
base: {graph: 6-2-2, epochs: 7}
axes:
  model: [dense, shared]
  routing: [known, learned]
  train_rows: [8, 16]
  seeds: 10:13
zip:
  - {lr_routing: [1e-2, 0.1], lr_selection: [0.01, 0.1]}
where:
  - model != 'dense' or train_rows > 8
"""


def read(text: str) -> Study:
    return Study(from_yaml(text, "s.yaml"), "s.yaml", text)


def keys(runs: Any) -> list[str]:
    return [run.key for run in runs]


def test_a_file_gives_the_runs_of_a_grid() -> None:
    wanted = []
    for model, rows in itertools.product(["dense", "shared"], [8, 16]):
        if model == "dense" and rows == 8:
            continue
        axes = {"model": model, "routing": ["known", "learned"], "train_rows": rows}
        for rate in (0.01, 0.1):
            runs = mn.grid(BASE, **axes, seeds=range(10, 13), lr_routing=rate)
            wanted += [replace(run, lr_selection=run.lr_routing) for run in runs]
    found = read(TEXT)
    assert set(keys(found)) == set(keys(wanted))
    assert len(found) == len(set(keys(found))) == tally(found.parts).n_runs == 3 + 2 * (3 + 6)


def test_without_filter_the_order_is_that_of_a_grid() -> None:
    axes = {"train_rows": (16, 8), "seed": range(3), "model": ["shared", "dense"]}
    found = study({"axes": axes}, graph=mn.GRAPHS["6-2-2"], epochs=7)
    assert keys(found) == keys(mn.grid(BASE, **{n: list(v) for n, v in axes.items()}))
    assert keys(read(found.text)) == keys(found)


def test_the_pilot_and_study_of_a_notebook_as_a_file() -> None:
    text = """
    base: {epochs: 1000, graph: 6-3-2-2}
    parts:
      - axes: {model: [dense, sparse, modular, shared], lr: [0.003, 0.01], train_rows: [16, 32],
               seeds: 1000:1003}
        base: {routing: known}
      - axes: {model: [modular, shared], train_rows: [4, 8], seeds: 0:3}
        zip: {lr_routing: [0.01, 0.1], lr_selection: [0.01, 0.1]}
    """
    known = mn.grid(
        model=["dense", "sparse", "modular", "shared"], lr=[0.003, 0.01], train_rows=[16, 32],
        routing="known", seeds=range(1000, 1003),
    )  # fmt: skip
    learned = mn.grid(
        model=["modular", "shared"], train_rows=[4, 8], seeds=range(3), lr_routing=[0.01, 0.1]
    )
    learned = [replace(run, lr_selection=run.lr_routing) for run in learned]
    assert set(keys(read(text))) == set(keys([*known, *learned]))


def test_the_files_in_the_docs_are_some(tmp_path: Path) -> None:
    families, text = re.findall(
        r"```yaml\n(.*?)```", (ROOT / "docs" / "studies.md").read_text(), re.DOTALL
    )
    found = tally(read(text).parts)
    assert found.n_runs == 32 * (2 + 3 + 3 * 2 + 3 + 3 * 2)
    mn.tasks.write_graphs(mn.graphs(2, widths=(6, 3, 2, 2)), tmp_path / "graphs.json")
    (tmp_path / "s.yaml").write_text(families)
    (points,) = study(tmp_path / "s.yaml").parts
    assert len(points.axes[0].values) == 100 + 3 * 2 + 2


@pytest.mark.parametrize(
    "more",
    [
        "",
        "where: [seed % 2 == 0]",
        "where: [seed > 0 and model == 'shared', split_seed < 3]",
        "parts: [{axes: {seeds: 0:3}}, {axes: {seeds: 2:6}}]",
        "parts: [{base: {seed: 3}}, {base: {split_seed: 4}}, {base: {seed: 3}}]",
        "zip: {train_rows: [8, 16, 8], split_seed: [1, 2, 1]}",
        "zip: {seed: [8, 16, 8], split_seed: [1, 2, 1]}",
    ],
)
def test_counting_lists_nothing_and_agrees(more: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = "" if "parts" in more or "zip" in more else "seeds: 0:5, "
    text = (
        f"base: {{epochs: 3}}\naxes: {{{seeds}model: [dense, shared], routing: [known, learned]}}"
    )
    found = read(f"{text}\n{more}")
    every = found.runs
    held, failed = set(keys(every)[::3]), set(keys(every)[::2])
    monkeypatch.setattr(Points, "runs", None)
    told = tally(found.parts, held | {"another"}, failed)
    assert (told.n_runs, told.n_done) == (len(every), len(held))
    assert told.n_failed == len(failed - held)
    assert sum(count for _, count in told.groups.values()) == len(every)


def test_a_million_runs_are_counted_without_making_them(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "axes: {model: [dense, shared], train_rows: [8, 16], seeds: 0:250000}"
    made = []
    checked = mn.RunConfig.__post_init__

    def counted(self: mn.RunConfig) -> None:
        made.append(1)
        checked(self)

    monkeypatch.setattr(mn.RunConfig, "__post_init__", counted)
    assert tally(read(text).parts, {"held"}).n_runs == 1_000_000
    assert len(made) < 20


def test_keys_in_bulk_are_keys() -> None:
    for run in mn.grid(BASE, model=["dense", "shared"], lr=[0.1, 0.25], weight_decay=0):
        pairs = [(0, 0), (5, 2**40), (3, 7)]
        found = keys_with_seeds(vars(run.final), run.common, "", pairs)
        made = [replace(run, seed=seed, split_seed=split).key for seed, split in pairs]
        assert list(found) == made


# Values


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("model", "dense,shared", ["dense", "shared"]),
        ("seed", "0:4", [0, 1, 2, 3]),
        ("seed", "3,10:13", [3, 10, 11, 12]),
        ("lr", "1e-3,.5,1", [0.001, 0.5, 1.0]),
        ("slots", "3-2,6-4", [(3, 2), (6, 4)]),
        ("hidden", "36", [(36,)]),
        ("hidden", "[[12, 12], [3]]", [(12, 12), (3,)]),
        ("gumbel", "true", [True]),
        ("train_rows", "8,16", [8, 16]),
    ],
)
def test_words_of_a_command_line(name: str, text: str, expected: list[Any]) -> None:
    model = {"slots": "shared", "gumbel": "shared"}.get(name, "dense")
    spec = {"base": {"model": model, "graph": "6-3-2-2"}, "axes": {"epochs": [3]}}
    if name == "model":
        spec["base"].pop("model")
    found = Study(spec).with_settings({name: from_words(name, text)})
    (points,) = found.parts
    values = [points.settings(place)[name] for place in points.indices(range(len(points.axes)))
              if name in points.settings(place)] or [points.base[name]]  # fmt: skip
    assert values == expected


def test_settings_replace_those_of_the_file() -> None:
    changed = read(TEXT).with_settings({"train_rows": 16, "seeds": "0:2", "model": ["shared"]})
    assert len(changed) == 2 * (1 + 2)
    assert {run.train_rows for run in changed} == {16}
    again = read(changed.text)
    assert keys(again) == keys(changed)
    parts = read("axes: {seed: 0:2}\nparts: [{base: {epochs: 3}}, {axes: {epochs: [4, 5]}}]")
    assert [run.epochs for run in parts] == [3, 3, 4, 5, 4, 5] or len(parts) == 6
    assert {run.epochs for run in parts.with_settings({"epochs": 9})} == {9}
    with pytest.raises(ValueError, match=r"goes together with lr_selection in s\.yaml"):
        read(TEXT).with_settings({"lr_routing": 1})
    with pytest.raises(ValueError, match=r"seed: s\.yaml has seeds, which stands for"):
        read(TEXT).with_settings({"seed": 1})


def test_graphs_of_a_file() -> None:
    gates = {"n_inputs": 8, "levels": [["XOR 0 1", "AND 2 3"], ["OR 0 1"]], "name": "mine"}
    made = mn.FunctionGraph(8, gates["levels"], name="mine")
    assert graph_from(gates) == made == graph_from(json.loads(json.dumps(made.to_dict())))
    drawn = graph_from({"random": {"widths": [6, 3, 2, 2], "seed": 5}})
    assert drawn == mn.tasks.random_graph([6, 3, 2, 2], seed=5)
    text = to_yaml({"axes": {"graph": ["6-2-2", gates, {"random": {"widths": [6, 3, 2, 2]}}]}})
    assert [str(run.graph) for run in read(text)] == ["6-2-2", "mine", "6-3-2-2 random 0"]


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        (
            {"random": {"widths": [8, 3, 2, 2], "irrelevant": 2, "seeds": "0:20"}},
            mn.graphs(20, widths=(8, 3, 2, 2), irrelevant=2),
        ),
        (
            {"random": {"widths": [[6, 3, 2, 2], [5, 3, 3]], "overlap": [0.0, 1.0], "seeds": [3]}},
            mn.graphs([3], widths=[(6, 3, 2, 2), (5, 3, 3)], overlap=[0.0, 1.0]),
        ),
        (
            {"random": {"widths": [6, 3, 2, 2], "seed": "4:6", "gates": {"XOR": 2, "OR": 1}}},
            [mn.tasks.random_graph((6, 3, 2, 2), {"XOR": 2, "OR": 1}, seed=s) for s in (4, 5)],
        ),
        ({"tree": {"depth": [1, 2, 3]}}, mn.graphs(family="tree", depth=[1, 2, 3])),
        (
            {"tree": {"depth": {"range": [1, 3]}, "gates": [["XOR"], ["OR", "AND"]]}},
            mn.graphs(family="tree", depth=[1, 2], gates=[("XOR",), ("OR", "AND")]),
        ),
        (
            {"chain": {"length": "3:5", "gates": ["XOR", "OR"]}},
            mn.graphs(family="chain", length=[3, 4], gates=("XOR", "OR")),
        ),
        ({"parity": {"size": 2, "inputs": [5, 7]}}, mn.graphs(family="parity", size=2,
                                                              inputs=[5, 7])),
        ({"retina": {"goal": ["AND", "OR"]}}, mn.graphs(family="retina", goal=["AND", "OR"])),
        ({"published": None}, mn.graphs(family="published")),
        ({"published": {"name": "6-2-2"}}, [mn.GRAPHS["6-2-2"]]),
    ],
)  # fmt: skip
def test_families_of_graphs_are_an_axis(spec: dict, wanted: list[mn.FunctionGraph]) -> None:
    made = read(to_yaml({"axes": {"graph": spec, "seeds": "0:2"}}))
    assert [run.graph for run in made.runs[::2]] == wanted
    assert [str(run.graph) for run in made.runs[::2]] == [str(graph) for graph in wanted]
    mixed = read(to_yaml({"axes": {"graph": ["6-3-3-2-2", spec]}}))
    assert [str(run.graph) for run in mixed] == [
        str(graph) for graph in dict.fromkeys([mn.GRAPHS["6-3-3-2-2"], *wanted])
    ]
    if len(wanted) > 1:
        with pytest.raises(ValueError, match=f"{len(wanted)} graphs; allowed is one here"):
            read(to_yaml({"base": {"graph": spec}}))
        assert len(read("base: {epochs: 3}").with_settings({"graph": spec})) == len(wanted)


def test_every_family_can_stand_in_a_study() -> None:
    least = {"random": {"widths": [4, 2, 2], "seeds": "0:2"}, "published": {"name": "6-2-2"}}
    for family in FAMILIES:
        (points,) = read(to_yaml({"axes": {"graph": {family: least.get(family)}}})).parts
        assert points.axes[0].values == [
            (graph,) for graph in graphs_from({family: least.get(family)})
        ]


def test_graphs_of_a_file_beside_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = mn.graphs(3, widths=(6, 3, 2, 2))
    mn.tasks.write_graphs(drawn, tmp_path / "graphs.json")
    (tmp_path / "s.yaml").write_text("axes: {graph: {file: graphs.json}, epochs: [3, 4]}")
    monkeypatch.chdir(tmp_path.parent)
    made = study(tmp_path / "s.yaml", model="dense")
    assert [run.graph for run in made.runs[::2]] == drawn
    assert keys(made) == keys(study(tmp_path / "s.yaml", epochs=[3, 4], model=["dense"]))
    for name, said in (("none.json", "No such file"), ("s.yaml", "allowed is a file of graphs")):
        (tmp_path / "s.yaml").write_text(f"axes:\n  graph: {{file: {name}}}")
        with pytest.raises(ValueError, match=rf"s\.yaml, line 2: graph=.*{said}"):
            study(tmp_path / "s.yaml")


# YAML


def test_yaml_has_no_traps() -> None:
    text = "{a: 1e-3, b: 10:20, c: no, d: ~, e: .5, f: 007, g: '1', h: 2001-01-01, i: TRUE}"
    values = from_yaml(text)
    assert values == {
        "a": 0.001, "b": "10:20", "c": "no", "d": None, "e": 0.5, "f": 7, "g": "1",
        "h": "2001-01-01", "i": True,
    }  # fmt: skip
    assert from_yaml(to_yaml(values)) == values
    assert from_yaml("a: 1\nb:\n  c: 2").lines == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base: {lr: 1}\nbase: {lr: 2}", "s.yaml, line 2: 'base' stands twice"),
        ("base:\n  lr: 1\n  epochs: 3\n  lr: 2", "s.yaml, line 4: 'lr' stands twice"),
        ("base: [1", "s.yaml, line 1: expected ',' or ']'"),
        ("a: !!python/object:os.system x", "s.yaml, line 1: could not determine a constructor"),
        ("\tbase: 1", "s.yaml, line 1: found character"),
        ("base: {a: 1}\n---\nb: 2", "s.yaml, line 2: but found another document"),
        ("a: " + "[" * 3000, "s.yaml: maximum recursion"),
        ("a: &a [*a]", "recursive"),
        ("", "s.yaml: None; allowed is a mapping with about, base, axes"),
        ("- 3", r"s.yaml: [3]; allowed is a mapping"),
        ("bse: {}", "s.yaml, line 1: unknown entry 'bse', did you mean 'base'?"),
        ("base:\n  modle: x", "line 2: unknown setting in base 'modle', did you mean 'model'?"),
        ("axes:\n  epochs: 3\n  seedz: 1", "line 3: unknown setting in axes 'seedz', did you mean"),
        ("axes: {model: [dens]}", "line 1: unknown model 'dens', did you mean 'dense'?"),
        ("axes: {train_rows: [x]}", "line 1: train_rows='x'; allowed is a whole number"),
        ("axes: {seed: [-1]}", "line 1: seed=-1; allowed is at least 0"),
        ("axes: {seed: 5:5}", "line 1: seed='5:5'; allowed are whole numbers, or a range such as"),
        ("axes: {seed: {range: [0]}}", "allowed is a list, or a range, as {range: [0, 6]}"),
        ("axes: {seed: []}", "line 1: seed=[]; allowed is at least one value"),
        ("axes: {lr: [0.1, -1]}", "line 1: lr=-1.0; allowed is at least 0"),
        ("axes: {seeds: 0:3, seed: 0:2}", "s.yaml: seed stands in several axes; allowed is one"),
        ("axes: {lr: [1]}\nzip: {lr: [1], gamma: [1]}", "lr stands in several axes"),
        ("zip: {lr: [1], gamma: [1, 0.5]}", "line 1: zip of 1 values of lr, 2 values of gamma"),
        ("zip: [{lr: [1]}]", "zip of 1 values of lr; allowed are several"),
        ("zip: 4", "s.yaml: zip=4; allowed is a list"),
        ("where: [modl == 1]", "(words stand in quotes): 'modl', did you mean 'model'?"),
        ("where: ['__import__(\"os\")']", "allowed is a condition, as"),
        ("where: [1]", "where=1; allowed is a condition"),
        ("where: train_rows <", "where='train_rows <'; allowed is a condition"),
        ("base: {gumbel: yes}", "line 1: gumbel='yes'; allowed is True or False"),
        ("base: {epochs: 99999999999999999999999}", "allowed is a whole number"),
        ("base: {graph: 6-3-2}", "unknown graph '6-3-2', did you mean '6-3-2-2'?"),
        ("axes: {graph: [{rndom: {}}]}", "unknown family of graphs 'rndom', did you mean 'random'"),
        ("axes: {graph: [{random: {sed: 1}}]}", "unknown parameter of random 'sed', did you mean"),
        ("axes:\n  graph: {tree: {dept: 1}}", "line 2: unknown parameter of tree 'dept', did you"),
        ("axes: {graph: {tree: {depth: [2, 99]}}}", "depth=99; allowed is 1 to 9"),
        ("axes: {graph: {tree: {depth: []}}}", "depth=[]; allowed is at least one value"),
        ("axes: {graph: {tree: 3}}", "allowed are parameters of tree: depth, gates"),
        ("axes: {graph: {random: {seeds: 0:3}}}", "widths is missing"),
        ("axes: {graph: {random: {widths: [4, 2, 2], seeds: 3}}}", "allowed is a range, as 0:3"),
        ("axes: {graph: {random: {widths: [4, 2, 2], seeds: 3:3}}}", "seeds='3:3'; allowed are"),
        ("axes: {graph: {random: {widths: [4, 2, 2], seeds: 0:2, seed: 1}}}", "one or the other"),
        ("axes: {graph: {random: {widths: [4, 2, 2], seeds: 0:200000}}}", "200000 graphs; allowed"),
        ("axes: {graph: {random: {widths: [2, 3, 1], seeds: 0:2}}}", "widths=2-3-1: where"),
        ("axes: {graph: {file: 3}}", "graph={'file': 3}: file=3; allowed is a path"),
        ("axes: {graph: []}", "graph=[]; allowed is at least one value"),
        ("axes: {graph: [{n_inputs: 2, levels: 3}]}", "graph={'n_inputs': 2, 'levels': 3}: "),
        ("parts: [{about: x}]", "line 1: unknown entry 'about'"),
        ("parts: 3", "s.yaml: parts=3; allowed is a list"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_before_any_run_is_made(text: str, message: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 (compared below)
        read(text)
    said = str(raised.value)
    assert message in said
    assert "\n" not in said


def test_what_only_together_is_wrong_is_found_when_runs_are_made() -> None:
    with pytest.raises(ValueError, match=r"s.yaml: train_rows=64 of 64 rows leaves no row"):
        len(read("axes: {train_rows: [8, 64]}"))
    with pytest.raises(ValueError, match=r"'>' not supported .* with train_rows=None"):
        len(read("where: train_rows > 3"))
    with pytest.raises(ValueError, match=r"3,000,000 runs in a grid; allowed are at most 2,000,"):
        len(read("axes: {model: [dense, sparse, shared], seed: 0:1000000}"))


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for name in ("missing.yaml", "binary.yaml", "."):
        with pytest.raises(ValueError, match=r"cannot be read \(.+\); allowed is a YAML file"):
            study(tmp_path / name)


def test_filters_see_what_a_table_shows() -> None:
    point = {"graph": mn.GRAPHS["6-2-2"], "slots": (3, 2), "lr": 0.1}
    assert Filter(("graph == '6-2-2' and slots in ['3-2'] and lr < .2",))(point)
    assert Filter(("gamma is None", "epochs == 1000"))(point)
    assert not Filter(("not lr",))({"lr": 0.1})
