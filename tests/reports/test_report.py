"""The report of a study: one file, the same bytes twice, with the numbers that the store has."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
import yaml
from torch import nn

import modnets as mn
from modnets.experiments.store import Store
from modnets.models.registry import MODELS
from modnets.paths import ROOT
from modnets.reports import report as writer
from modnets.reports.drawings import panels_of, tasks_together, telling_rows
from modnets.reports.facts import bound_of, consistent, in_words, settings_of
from modnets.reports.networks import chosen
from modnets.reports.page import CITATION, markdown

BASE = mn.RunConfig(graph="6-2-2", epochs=8, eval_every=2, lr=0.05, input_noise=0.0)
TRACE = "Traceback\n  File\nRuntimeError: no <wires>"
VOID = {"meta", "input", "br", "img", "path", "use", "rect", "line", "polyline", "circle"}


class Page(HTMLParser):
    """A page: ids, links, text of elements; its tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.files: dict[str, str] = {}
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        have = {name: value or "" for name, value in attrs}
        self.ids += [have[name] for name in ("id",) if name in have]
        self.links += [have[name] for name in ("href", "src", "xlink:href") if name in have]
        if "download" in have:
            content = have["href"].partition("base64,")[2]
            self.files[have["download"]] = base64.b64decode(content).decode()
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a study of 12 runs of two kinds, and failures."""
    folder = tmp_path_factory.mktemp("report") / "study"
    base = {"graph": "6-2-2", "epochs": 8, "eval_every": 2, "lr": 0.05, "input_noise": 0.0}
    axes = {"train_rows": [8, 32], "seeds": "0:3"}
    parts = [{"base": {"model": "dense"}}, {"base": {"model": "shared", "routing": "known"}}]
    about = "Is *knowing* worth <it>?\nIt may be."
    study = mn.study({"about": about, "base": base, "axes": axes, "parts": parts})
    mn.sweep(study, folder, progress=False)
    missing = mn.grid(BASE, seed=[77, 78], model="sparse")
    Store(folder).write_failures({run.key: (run, TRACE) for run in missing})
    return folder


@pytest.fixture(scope="module")
def text(made: Path) -> str:
    return mn.report(made, made.parent / "one.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_it_is_the_same_bytes_twice_and_changes_nothing(made: Path, text: str) -> None:
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    again = mn.report(made, made.parent / "deep" / "two.html")
    assert again.read_text(encoding="utf-8") == text
    assert {path.name: path.read_bytes() for path in made.iterdir()} == before
    assert again.stat().st_size < 5_000_000
    assert [path.name for path in again.parent.iterdir()] == ["two.html"]


def test_it_needs_nothing_beside_it(text: str, page: Page) -> None:
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert not re.search(r"@import|url\((?!#)", text)
    assert "default-src 'none'" in text
    script = re.search(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert str(ROOT) not in text


def test_every_id_is_one_and_every_link_inside_leads_to_it(page: Page) -> None:
    assert len(page.ids) > 50
    assert len(set(page.ids)) == len(page.ids)
    inside = {link[1:] for link in page.links if link.startswith("#")}
    assert inside - set(page.ids) == set()


def test_question_failures_and_texts_are_shown_as_they_are_written(text: str, page: Page) -> None:
    assert "<h1>Is *knowing* worth &lt;it&gt;?</h1>" in text
    assert "It may be." in page.text
    assert "2 runs could not be trained" in page.text
    assert "RuntimeError: no <wires>" in page.text
    assert "6-2-2 sparse 51 rows seed 77" in page.text


def test_the_numbers_are_those_of_the_store(made: Path, page: Page) -> None:
    runs = mn.analysis.last(mn.load(made))
    solved = int(runs["solved"].sum())
    assert f"12 runs of 2 kinds of network on 6-2-2; {solved} of 12 runs" in page.text
    assert "There are 4 points, of 3 runs each." in page.text
    assert "Wilson’s score interval" in page.text
    pd.testing.assert_frame_equal(
        pd.read_csv(io.StringIO(page.files["results.csv"])),
        mn.summarize(runs),
        check_dtype=False,
    )
    curves = pd.read_csv(io.StringIO(page.files["curves.csv"]))
    rows = int(curves["train_rows"].iloc[0])
    at = mn.load(made).query(f"train_rows == {rows} and kind == 'dense' and epoch == 8")
    line = curves[(curves["kind"] == "dense") & (curves["epoch"] == 8)]
    assert line["median"].iloc[0] == at["test_bit_accuracy"].median()
    table = pd.read_csv(io.StringIO(page.files["study_runs.csv"]))
    assert sorted(table["run"]) == sorted(runs["run"])
    assert page.files["results.svg"].startswith("<svg")
    floor = mn.analysis.majority_floor("6-2-2")
    assert f"6-2-2 {100 * floor:g} % 100 % every row can be right" in page.text


def test_provenance_digests_and_how_to_do_it_again(made: Path, text: str, page: Page) -> None:
    keys = sorted(mn.Store(made).keys())
    assert hashlib.sha256("\n".join(keys).encode()).hexdigest()[:32] in text
    how = mn.Store(made).provenance()[0]
    for name in ("modnets", "torch", "python", "processor", "system", "finished"):
        assert str(how[name]).replace("T", " ").removesuffix("Z") in page.text
    (study,) = mn.Store(made).studies()
    assert f"modnets sweep {study} --store study" in page.text
    assert page.files[study] == mn.Store(made).studies()[study]
    assert "modnets report study -o report.html" in page.text
    assert unescape(CITATION.partition("\n")[0]) in page.text


def test_best_median_and_worst_are_replayed_bit_for_bit(made: Path, text: str) -> None:
    runs = mn.analysis.last(mn.load(made))
    by_hand = sorted(
        zip(-runs["solved"].astype(int), -runs["test_bit_accuracy"], -runs["bit_accuracy"],
            runs["run"], strict=True)
    )  # fmt: skip
    found = [one.row["run"] for one in chosen(mn.load(made))]
    assert found == [by_hand[place][-1] for place in (0, 5, 11)]
    assert text.count("it came out as it is stored, bit for bit") == 3
    for key in found:
        assert f"Run <code>{key}</code> in Python" in text
    moments = re.findall(r'data-said="epoch (\d+): ', text)
    assert moments == ["0", "1", "2", "3", "4", "5", "6", "7", "8"]
    accuracy = 100 * runs.set_index("run").loc[found[0], "test_bit_accuracy"]
    assert 'data-said="epoch 8: ' in text
    assert f"{round(accuracy, 1):g} % on unseen rows" in text.split('data-said="epoch 8: ')[1][:80]


def test_a_page_that_is_too_large_leaves_parts_out(
    made: Path, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MOST_BYTES", len(text) // 3)
    path = mn.report(made, tmp_path / "small.html")
    small = Page(path.read_text(encoding="utf-8"))
    assert path.stat().st_size <= len(text) // 3
    assert "study_runs.csv" not in small.files
    assert "modnets results export study -o runs.csv" in small.text


# Other stores


def written(folder: Path, **how: object) -> Page:
    """The page of a store."""
    path = mn.report(folder, folder.parent / f"{folder.name}.html", **how)  # type: ignore[arg-type]
    assert path.stat().st_size < 5_000_000
    return Page(path.read_text(encoding="utf-8"))


def test_a_store_of_failures_alone(tmp_path: Path) -> None:
    run = BASE.with_seeds(seed=5)
    Store(tmp_path / "failed").write_failures({run.key: (run, TRACE)})
    page = written(tmp_path / "failed")
    assert "None of its 1 runs could be trained" not in page.text
    assert "Its only run could not be trained." in page.text
    assert "RuntimeError: no <wires>" in page.text
    assert "Results" not in page.text


def test_one_run(tmp_path: Path) -> None:
    mn.sweep([BASE], tmp_path / "one", progress=False)
    page = written(tmp_path / "one", question="Does it learn?")
    assert page.text.count("Does it learn?") == 2  # title and heading
    assert "One run of a dense network on 6-2-2; it" in page.text
    assert "Only: dense" in page.text
    assert "With fewer than 5 runs a point an interval says little." in page.text
    assert "Nothing but seeds." in page.text


def test_samples_tasks_and_digits(tmp_path: Path) -> None:
    x = [[0, 0], [0, 1], [1, 0], [1, 1], [1, 1], [0, 1]]
    samples = mn.Samples(x, [0, 1, 1, 0, 1, 1], name="noisy")
    base = {"epochs": 2, "eval_every": 1}
    runs = mn.grid(mn.RunConfig(graph=samples, train_rows=3, **base), seeds=range(2))
    mn.sweep(runs, tmp_path / "samples", progress=False)
    page = written(tmp_path / "samples")
    assert "83.3 % samples of the same input have different labels" in page.text
    assert "6 samples; they have no truth table." in page.text
    tasks = mn.grid(mn.RunConfig(graph="three tasks", train_rows=8, **base), seeds=range(2))
    mn.sweep(tasks, tmp_path / "tasks", progress=False)
    assert "three tasks" in written(tmp_path / "tasks", retrain=False).text
    digits = mn.tasks.DigitPairs(mn.tasks.load_digits("bundled"))
    few = mn.RunConfig(
        graph=digits, train_rows=51, samples=2, test_samples=2, batch_size=51, **base
    )
    mn.sweep([few], tmp_path / "digits", progress=False)
    page = written(tmp_path / "digits", retrain=False)
    assert "bit accuracy on pairs never seen" in page.text
    assert "Replay" not in page.text


def test_a_network_that_is_not_registered_here_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(config: mn.RunConfig) -> nn.Module:
        return nn.Linear(config.graph.n_inputs, config.graph.n_outputs)

    with monkeypatch.context() as patch:
        patch.setitem(MODELS, "lonely", build)
        mn.sweep(mn.grid(BASE, model="lonely", seeds=range(2)), tmp_path / "own", progress=False)
        page = written(tmp_path / "own")
        assert "network is a Linear" in page.text  # which has no diagram
        assert "it came out as it is stored, bit for bit" in page.text
    page = written(tmp_path / "own")
    assert page.text.count("It cannot be drawn here: unknown model 'lonely'") == 2


def test_runs_without_seeds_of_their_own_and_many_settings(tmp_path: Path) -> None:
    short = mn.RunConfig(graph="6-2-2", epochs=1)
    lrs = list(np.geomspace(1e-4, 1e-1, 9))
    runs = mn.grid(short, model=["dense", "sparse"], lr=lrs) + mn.grid(short, lr=0.03, seed=[1, 2])
    runs += mn.grid(short, model="sparse", lr=0.03)
    results = mn.sweep(runs, tmp_path / "rates", progress=False)
    panels = panels_of(results)
    assert set(panels.runs["kind"]) == {"dense", "sparse"}
    assert panels.left_out == 18
    dense = panels.runs[panels.runs["kind"] == "dense"]
    assert sorted(dense["seed"]) == [1, 2]  # of the rate with most runs
    page = written(tmp_path / "rates", retrain=False)
    assert "Of each kind the combination of lr with most runs is drawn" in page.text
    lines = pd.read_csv(io.StringIO(page.files["results.csv"]))["kind"]
    assert len(lines.unique()) == 20


# Notebooks


def test_a_notebook_brings_question_text_and_figure(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [
        nbformat.v4.new_markdown_cell("# How so?\n\nIn **short**: <script>x</script> `a`."),
        nbformat.v4.new_code_cell(
            f'store: str = ""  # results\nfigure_folder: str = "{tmp_path}"  # of the figure'
        ),
    ]
    cells[1]["metadata"]["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "why.ipynb")
    with pytest.raises(ValueError, match=r"is no folder; allowed is one that why has filled"):
        mn.report(tmp_path / "why.ipynb", tmp_path / "why.html")
    figure = plt.figure()
    figure.add_subplot().plot([1, 2])
    mn.save_figure(figure, "why", pd.DataFrame({"a": [1]}), tmp_path)
    plt.close("all")
    path = mn.report(tmp_path / "why.ipynb", tmp_path / "why.html", store=made, retrain=False)
    page = Page(path.read_text(encoding="utf-8"))
    assert "Report of the notebook why" in page.text
    assert "How so?" in page.text
    assert "In short : <script>x</script> a ." in page.text
    assert page.files["why.csv"] == "a\n1\n"
    assert f"As the notebook wrote it, {tmp_path.name}/why.svg: from" in page.text
    assert "up to date as far as can be told here" in page.text
    assert "modnets notebook run why" in page.text


def test_the_figure_says_of_which_runs_it_is(made: Path, tmp_path: Path) -> None:
    store, runs = mn.Store(tmp_path / "store"), mn.grid(BASE, seeds=range(4))
    results = mn.sweep(runs, store.folder, progress=False)
    mn.read_parameters({})
    mn.sweep(runs[:3], store.folder, progress=False)
    mn.save_figure(plt.figure(), "why", folder=tmp_path)
    plt.close("all")
    cell = nbformat.v4.new_code_cell(f'figure_folder: str = "{tmp_path}"  # of the figure')
    cell["metadata"]["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "why.ipynb")
    path = mn.report(tmp_path / "why.ipynb", tmp_path / "why.html", retrain=False)
    assert "3 runs of a dense network" in Page(path.read_text(encoding="utf-8")).text
    assert results["run"].nunique() == 4


# Pieces


def test_settings_are_varied_following_seeds_or_the_same(made: Path) -> None:
    runs = mn.analysis.last(mn.load(made))
    found = settings_of(runs)
    assert [one.name for one in found.varied] == ["kind", "train_rows"]
    assert {"model", "routing", "batch_size"} <= {one.name for one in found.following}
    assert {one.name: one.words for one in found.seeds} == {
        "seed": "0 to 2",
        "split_seed": "0 to 2",
    }
    same = {one.name: one.words for one in found.fixed}
    assert (same["lr"], same["epochs"], same["graph"]) == ("0.05", "8", "6-2-2")
    every = [one.name for part in found for one in part]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([3, 1, 2], "1 to 3"),
        ([8, 16], "8, 16"),
        ([0.1, None], "0.1, none"),
        (["b", "a"], "a, b"),
        ([True, False], "no, yes"),
        (list(range(0, 40, 2)), "0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, …, 38 (20 values)"),
    ],
)
def test_values_in_words(values: list, words: str) -> None:
    assert in_words(pd.Series(values)) == words


def test_the_ceiling_of_samples_is_the_best_function_of_the_inputs(
    rng: np.random.Generator,
) -> None:
    x, y = rng.integers(2, size=(53, 3)), rng.integers(2, size=(53, 2))
    right = 0
    for row in {tuple(row) for row in x.tolist()}:
        labels = y[(x == row).all(axis=1)]
        right += np.maximum(labels.sum(axis=0), (1 - labels).sum(axis=0)).sum()
    assert consistent(mn.Samples(x, y)) == right / y.size


def test_floor_and_what_knowledge_allows() -> None:
    run = mn.RunConfig(graph="6-2-2", model="shared", routing="known", train_rows=8)
    bound = bound_of(run.graph, [run], learned=True)
    assert bound.floor == mn.analysis.majority_floor("6-2-2")
    assert bound.chance == pytest.approx(mn.analysis.chance_level("6-2-2")["edge_f1"])
    assert list(bound.allowed) == ["shared, known, 8 rows"]
    assert bound.floor < bound.allowed["shared, known, 8 rows"] <= 1


def test_telling_rows_are_those_nearest_to_a_half() -> None:
    runs = pd.DataFrame(
        {
            "graph": ["a"] * 6 + ["b"] * 2,
            "train_rows": [4, 4, 8, 8, 16, 16, 4, 8],
            "solved": [False, False, True, False, True, True, False, False],
        }
    )
    assert telling_rows(runs) == {"a": 8, "b": 8}


def test_the_citation_is_that_of_the_repository() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())["preferred-citation"]
    plain = " ".join(CITATION.split())
    for name in ("title", "journal", "year", "url"):
        assert f"{{{cited[name]}}}" in plain


def test_markdown_is_escaped() -> None:
    assert markdown("a <b> `c`") == "<p>a &lt;b&gt; <code>c</code></p>\n"


def test_the_script_is_plain_javascript(text: str) -> None:
    script = (ROOT / "modnets" / "reports" / "report.js").read_text()
    assert not re.search(r"\b(import|require|fetch|XMLHttpRequest|eval)\b", script)
    assert script in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none", "a.html"), r"^source='none' is no folder and no notebook"),
        (("generalisation", "a.html"), r"did you mean 'generalization'\?"),
        (("EMPTY", "a.html"), "holds no runs; allowed is one that a sweep has begun"),
        (("EMPTY", "a.pdf"), r"^file='a.pdf'; allowed is a name in .html$"),
        (("MADE", "file/a.html"), r"^file='file/a.html' cannot be written"),
        ((3, "a.html"), "^source=3; allowed is"),
    ],
)
def test_wrong_use_is_one_line(
    made: Path,
    arguments: tuple,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("empty").mkdir()
    source = {"MADE": str(made), "EMPTY": "empty"}.get(arguments[0], arguments[0])
    with pytest.raises(ValueError, match=message) as raised:
        mn.report(source, arguments[1], retrain=False)
    assert "\n" not in str(raised.value)


def test_the_package_brings_its_templates() -> None:
    files = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "modnets/reports"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    patterns = (ROOT / "pyproject.toml").read_text()
    for suffix in {Path(file).suffix for file in files} - {".py"}:
        assert f'"*{suffix}"' in patterns.split('"modnets.reports" = ')[1].split("\n")[0]


def test_many_tasks_of_the_same_widths_are_one() -> None:
    names = [f"6-3-2-2 random {n}" for n in range(9)] + ["8-3-2-2 random 0", "monks-1"]
    table = pd.DataFrame({"graph": names, "shared_modules": range(11), "knowledge": None})
    graphs = mn.graphs(2, widths=(6, 3, 2, 2))
    wrong = [
        mn.tasks.perturbed_graph(one, edges=2, seed=seed).name for seed, one in enumerate(graphs)
    ]
    table.loc[[0, 1, 2], "knowledge"] = [*wrong, "another"]
    merged = tasks_together(table)
    assert merged["graph"].value_counts().to_dict() == {
        "9 tasks 6-3-2-2": 9,
        "1 task 8-3-2-2": 1,
        "1 task other": 1,
    }
    assert merged["shared_modules"].isna().all()
    known = merged["knowledge"].dropna().tolist()
    assert known == ["wrong: 2 edges", "wrong: 2 edges", "of another task"]
    few = table[:9]
    assert tasks_together(few) is few


def test_a_task_of_many_inputs_has_no_floor() -> None:
    wide = mn.FunctionGraph(30, [["XOR 0 29", "AND 3 4"]])
    bound = bound_of(wide, [], learned=False)
    assert (bound.floor, bound.ceiling) == (None, 1.0)
    assert bound_of(mn.FunctionGraph(4, [["AND 0 1"]]), [], learned=False).floor == 0.75
