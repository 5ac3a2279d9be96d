"""Trained runs drawn: gates, true and false edges, small multiples, before and after training."""

from __future__ import annotations

from collections import Counter
from itertools import permutations, product

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from drawings import faces, labelled, words
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import modnets as mn
from modnets.models.modular import ModularNetwork
from modnets.visuals.diagrams.annotations import MAX_ROWS, Findings, word_for
from modnets.visuals.diagrams.canvas import EDGES, FAINT, HINT, MIN_FONT
from modnets.visuals.diagrams.runs import draw_before_after, draw_runs, outcome
from modnets.visuals.diagrams.usage import used_slots
from modnets.visuals.style import DARK

GRAPH = mn.tasks.get_graph("6-3-2-2")
#: ReLU units that compute a gate of two bits exactly: (input weights, bias, output weight) each.
UNITS = {
    "XOR": [((1, 1), 0, 1), ((1, 1), -1, -2)],
    "AND": [((1, 1), -1, 1)],
    "OR": [((1, 1), 0, 1), ((1, 1), -1, -1)],
    "NIMPLY": [((1, -1), 0, 1)],
    "CNIMPLY": [((-1, 1), 0, 1)],
    "A": [((1, 0), 0, 1)],
    "B": [((0, 1), 0, 1)],
    "FALSE": [],
}


@pytest.fixture
def ax() -> Axes:
    return Figure(figsize=(4, 4)).add_subplot()


@pytest.fixture(scope="module")
def runs() -> list[mn.TrainedRun]:
    configs = mn.grid(mn.RunConfig(epochs=30), model=["shared", "dense"], seed=range(2))
    return [mn.train(config, progress=False) for config in configs]


def exact(routing: list, gates: list, outputs: list, n_shared: int | None = None) -> ModularNetwork:
    """A network that reads those places, and in each slot computes that gate exactly."""
    slots = tuple(len(level) for level in routing)
    network = ModularNetwork(6, slots, len(outputs), n_shared=n_shared)
    with torch.no_grad():
        choices = (*network.routing, network.output_routing)
        for choice, level in zip(choices, (*routing, [outputs]), strict=True):
            choice.logits.fill_(-1.0)
            for slot, sources in enumerate(level):
                for index, source in enumerate(sources):
                    choice.logits.view(len(choice.logits), -1)[source, slot] = 5.0 - index
        for pool, level in zip(network.pools, gates, strict=True):
            for parameter in pool.parameters():
                parameter.zero_()
            (inner, outer), (bias, end) = pool.weight, pool.bias
            for slot, gate in enumerate(level):
                for unit, (weights, threshold, factor) in enumerate(UNITS[gate]):
                    inner[slot, unit] = torch.tensor(weights, dtype=torch.float32)
                    bias[slot, unit], outer[slot, 0, unit] = threshold, factor
            if level is gates[-1]:
                end -= 0.5  # logits: negative is 0
    return network


def same_wiring() -> ModularNetwork:
    """6-3-2-2 with its slots in another order."""
    routing = [[[5, 4], [0, 1], [3, 2]], [[2, 0], [1, 2]]]
    return exact(routing, [["XOR"] * 3, ["AND"] * 2], [1, 0])


def colors(ax: Axes) -> list[str]:
    return [to_hex(arrow.get_edgecolor()) for arrow in labelled(ax, "_arrow")]


TRUE, FALSE = EDGES[True][0], EDGES[False][0]


def test_a_network_of_the_tasks_gates_is_all_true(ax: Axes) -> None:
    mn.draw(same_wiring(), ax, graph=GRAPH, found=True)
    assert colors(ax) == [TRUE] * 12
    assert [words(ax).count(gate) for gate in ("XOR", "AND")] == [3, 2]


def test_edges_are_told_as_by_hand(ax: Axes) -> None:
    # Slot 1 reads x1 and x2, from two pairs; the rest is the task's, in its order.
    routing = [[[0, 1], [1, 2], [4, 5]], [[0, 1], [1, 2]]]
    mn.draw(exact(routing, [["XOR"] * 3, ["AND"] * 2], [0, 1]), ax, graph=GRAPH, found=True)
    true = [True, True, False, True, True, True, *[True] * 4, True, True]
    assert colors(ax) == [TRUE if one else FALSE for one in true]
    widths = {to_hex(a.get_edgecolor()): a.get_linewidth() for a in labelled(ax, "_arrow")}
    assert widths[TRUE] > 1.5 * widths[FALSE]  # told apart without colour, too


def test_edges_of_random_networks_agree_with_brute_force() -> None:
    """The most edges that any matching makes true, those to outputs included."""
    for seed in range(12):
        network = mn.build(mn.RunConfig(model="modular"), seed)
        ax = Figure(figsize=(4, 4)).add_subplot()
        mn.draw(network, ax, graph=GRAPH, found=True)
        result, used = network.structure(), used_slots(network)
        best = 0
        for lower, upper in product(permutations(range(3)), permutations(range(2))):
            count = sum(result["outputs"][y] == upper[node] for y, node in enumerate(GRAPH.outputs))
            for level, positions in enumerate((lower, upper)):
                for node, slot in enumerate(positions):
                    wanted = GRAPH.routing[level][node]
                    wanted = {lower[w] for w in wanted} if level else set(wanted)
                    count += used[level][slot] * len(wanted & set(result["routing"][level][slot]))
            best = max(best, count)
        assert Counter(colors(ax))[TRUE] == best


@pytest.mark.parametrize("gate", UNITS)
def test_gates_are_named(gate: str, ax: Axes) -> None:
    routing = [[[0, 1], [2, 3], [4, 5]], [[0, 1], [1, 2]]]
    network = exact(routing, [[gate, "XOR", "XOR"], ["OR", "AND"]], [0, 1])
    mn.draw(network, ax, graph=GRAPH, found=True, matrices=False)
    named = {"A": "=a", "B": "=b", "NIMPLY": "a∧¬b", "CNIMPLY": "¬a∧b", "FALSE": "=0"}
    assert named.get(gate, gate) in words(ax)
    assert not [word for word in words(ax) if word.endswith("?")]


def test_a_gate_that_is_not_clear_cut_has_a_question_mark(ax: Axes) -> None:
    network = same_wiring()
    with torch.no_grad():
        # 0, 0.55, 1 and 0.45: an XOR by a hair's breadth.
        network.pools[0].weight[0][:, 0, 1] = 0.55
        network.pools[0].weight[1][:, 0, 1] = -1.1
    mn.draw(network, ax, graph=GRAPH, found=True)
    doubtful = [text for text in ax.texts if text.get_text().endswith("?")]
    assert [text.get_text() for text in doubtful][:3] == ["XOR?"] * 3
    assert {text.get_fontstyle() for text in doubtful} == {"italic"}
    assert word_for("XOR", 0.5) == "XOR"
    assert word_for("XOR", 0.49) == "XOR?"


def test_unused_slots_are_dark_and_nameless_and_their_arrows_a_hint(ax: Axes) -> None:
    routing = [[[0, 1], [2, 3], [4, 5]], [[0, 1], [1, 0]]]
    mn.draw(exact(routing, [["XOR"] * 3, ["AND"] * 2], [0, 1]), ax, graph=GRAPH, found=True)
    assert [face == DARK for face in faces(ax, "_slot")] == [False, False, True, False, False]
    assert colors(ax).count(HINT) == 2
    assert words(ax).count("XOR") == 2


def test_without_a_known_graph_edges_are_neutral(ax: Axes) -> None:
    table = mn.FunctionGraph.from_table(GRAPH.truth_table())
    mn.draw(same_wiring(), ax, graph=table, found=True)
    assert set(colors(ax)) == {EDGES[None][0]}
    assert words(ax).count("XOR") == 3


@pytest.mark.parametrize(
    "settings",
    [
        {"graph": "two tasks", "model": "shared", "output_levels": "every"},
        {"graph": "6-3-3-2-2", "model": "modular", "routing": "known"},
        {"graph": "6-3-2-2", "model": "shared", "slots": (7, 5)},
        {"graph": "6-3-2-2", "model": "modular", "slots": (4, 4, 4)},
        {"graph": "6-2", "model": "modular", "slots": (3, 2), "arity": 2},
        {"graph": mn.tasks.DigitPairs(), "model": "shared"},
        {"model": "dense"},
    ],
    ids=str,
)
def test_every_kind_of_task_and_network(settings: dict, ax: Axes) -> None:
    run = mn.RunConfig(**settings)
    network = mn.build(run, 1)
    task = 1 if run.graph.n_tasks > 1 else None
    drawn = mn.draw(network, ax, graph=run.graph, task=task, found=True, matrices=False)
    assert not labelled(drawn, "_matrix")
    assert not labelled(drawn, "_module")
    slots = () if run.model == "dense" else run.final.slots
    assert len(labelled(drawn, "_slot")) == sum(slots)
    neutral = {EDGES[None][0], HINT}
    if run.model != "dense" and run.graph.n_tasks == 1 and run.graph.images is None:
        known = set(colors(ax)) - {HINT}
        assert known <= ({TRUE, FALSE} if run.graph.has_structure else neutral)
    elif run.graph.images is not None:
        assert set(colors(ax)) <= neutral


def test_a_large_table_is_read_on_some_of_its_rows() -> None:
    assert MAX_ROWS < 2**14
    graph = mn.tasks.random_graph((14, 4, 2), seed=0)
    network = mn.build(mn.RunConfig(graph=graph, model="modular", routing="known"), 0)
    some = Findings.of(network, graph, 0, used_slots(network))
    by_all = [[r.name for r in level] for level in mn.models.fit_gates(network, graph)]
    for level, names in zip(some.gates, by_all, strict=True):
        for word, name in zip(level, names, strict=True):
            assert word.rstrip("?") in ("", word_for(name, 1.0))


@pytest.mark.parametrize("found", [False, True])
@pytest.mark.parametrize("widths", [(12, *[32] * 8, 4), (6, 32, 2), (20, *[2] * 8, 2)], ids=str)
def test_nothing_is_too_small_to_read(widths: tuple[int, ...], found: bool) -> None:
    graph = mn.tasks.random_graph(widths, seed=1)
    network = mn.build(mn.RunConfig(graph=graph, model="shared", train_rows=16), 3)
    with mn.style():
        ax = mn.draw(network, graph=graph, found=found)
        assert min(text.get_fontsize() for text in ax.texts) >= MIN_FONT
        ax.figure.canvas.draw()
        boxes = [b.get_window_extent() for b in labelled(ax, "_slot") + labelled(ax, "_input")]
        assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])
        if found:
            in_use = [face for face in faces(ax, "_slot") if face != DARK]
            assert len([t for t in ax.texts if t.get_zorder() == 4]) >= len(in_use)
        plt.close(ax.figure)


def test_a_run_is_drawn_with_its_task_and_what_it_has_found(
    runs: list[mn.TrainedRun], ax: Axes
) -> None:
    mn.draw(runs[0], ax)
    assert set(colors(ax)) <= {TRUE, FALSE, HINT}
    other = Figure(figsize=(4, 4)).add_subplot()
    mn.draw(runs[0].network, other, graph=GRAPH)
    assert not {TRUE, FALSE} & set(colors(other))  # as it was by default


def test_before_and_after_differ_as_the_networks_do(runs: list[mn.TrainedRun]) -> None:
    run = runs[0]
    axes = draw_before_after(run, heading="one run")
    assert "before" in axes[0].get_title()
    assert outcome(run) in axes[1].get_title()
    plt.close(axes[0].figure)
    before, after = run.untrained.state_dict(), run.network.state_dict()
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    still = mn.train(
        mn.RunConfig(
            model="shared",
            epochs=1,
            optimizer="sgd",
            lr=1e-30,
            lr_routing=1e-30,
            lr_selection=1e-30,
            seed=run.config.seed,
        ),
        progress=False,
    )
    for name, value in still.network.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=1e-12)


def test_small_multiples(runs: list[mn.TrainedRun]) -> None:
    axes = draw_runs(runs, columns=3, sort="bit_accuracy")
    assert axes.shape == (2, 3)
    by_hand = sorted(runs, key=lambda run: -run.table["bit_accuracy"].iloc[-1])
    titles = [ax.get_title() for ax in axes.flat]
    assert [title.split("\n")[-1] for title in titles[:4]] == [outcome(run) for run in by_hand]
    assert [bool(labelled(ax, "_weights")) for ax in axes.flat[:4]] == [
        run.config.model == "dense" for run in by_hand
    ]
    assert titles[4:] == ["", ""]
    assert not axes.flat[5].axison
    plt.close(axes.flat[0].figure)


@pytest.mark.parametrize(
    ("solved", "recovered", "said"),
    [
        (True, 1.0, "found"),
        (True, 0.0, "solved"),
        (True, np.nan, "solved"),
        (False, 0.0, "stuck at 88 %"),
    ],
)
def test_outcomes(runs: list[mn.TrainedRun], solved: bool, recovered: float, said: str) -> None:
    table = runs[0].table.assign(solved=solved, recovered=recovered, bit_accuracy=0.875)
    assert outcome(mn.TrainedRun(runs[0].config, runs[0].network, table)) == said


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"columns": 0}, "columns=0; allowed is at least 1"),
        ({"titles": ["one"]}, "1 titles for 4 runs"),
        ({"sort": "luck"}, "sort='luck'; allowed are columns"),
        ({"axes": [None]}, "1 axes for 4 runs"),
    ],
)
def test_wrong_use(runs: list[mn.TrainedRun], keywords: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_runs(runs, **keywords)


def test_no_runs_and_other_axes(runs: list[mn.TrainedRun]) -> None:
    with pytest.raises(ValueError, match="runs is empty"):
        draw_runs([])
    (ax,) = draw_runs([], [Figure().add_subplot()], heading="luck")
    assert words(ax) == ["luck: none"]
    assert not ax.axison
    with pytest.raises(ValueError, match="allowed are two in a row"):
        draw_before_after(runs[0], [None])


def test_the_legend_tells_edges_only_where_they_are_drawn() -> None:
    plain, full = (
        [h.get_label() for h in mn.plot.diagram_legend(result)] for result in (False, True)
    )
    assert full == ["edge of the task", "another edge", *plain]


def test_by_default_what_no_output_uses_is_faint_and_named(ax: Axes) -> None:
    routing = [[[0, 1], [2, 3], [4, 5]], [[0, 1], [1, 0]]]
    mn.draw(exact(routing, [["XOR"] * 3, ["AND"] * 2], [0, 1]), ax, graph=GRAPH)
    assert Counter(colors(ax)) == {EDGES[None][0]: 10, FAINT: 2}
    assert [words(ax).count(str(slot)) > 0 for slot in range(1, 6)] == [True] * 5


def test_an_unused_module_of_the_pool_keeps_its_name() -> None:
    wide = Figure(figsize=(8, 8)).add_subplot()
    network = mn.build(mn.RunConfig(model="shared", shared_modules=9), 0)
    mn.draw(network, wide, graph=GRAPH, found=True)
    assert DARK in faces(wide, "_module")
    assert set("ABCDEFGHI") <= set(words(wide))
