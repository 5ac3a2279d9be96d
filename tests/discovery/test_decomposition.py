"""Functions taken apart: losses by a literal loop, and whole tables of known graphs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from modnets.discovery.candidates import candidates
from modnets.discovery.covers import losses_of_pairs, sub_functions
from modnets.discovery.decomposition import Response, Search, losses
from modnets.discovery.evidence import Rows
from modnets.discovery.inner_gates import gates_of
from modnets.discovery.nodes import edges_of, graph_of, in_words, nodes_of, wiring_of
from modnets.discovery.proposals import response_of_rows
from modnets.tasks.gates import all_rows
from modnets.tasks.graph_families import graphs
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS


def some_response(n_sources: int, seed: int) -> Response:
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 3, 2**n_sources).astype(float)
    return Response(rng.normal(size=(2**n_sources, 2)), weights)


def spread(values: list[float], weights: list[float]) -> float:
    """Weighted sum of squares around the mean."""
    total = sum(weights)
    if not total:
        return 0.0
    mean = sum(v * w for v, w in zip(values, weights, strict=True)) / total
    return sum(w * (v - mean) ** 2 for v, w in zip(values, weights, strict=True))


def loss_by_hand(response: Response, chosen: tuple[int, ...], table: np.ndarray) -> float:
    x = all_rows(response.n_sources)
    within = whole = 0.0
    others = [place for place in range(response.n_sources) if place not in chosen]
    for context in itertools.product((0, 1), repeat=len(others)):
        here = [row for row in range(len(x)) if tuple(x[row, others]) == context]
        for output in range(response.values.shape[1]):
            groups: dict[int, list[int]] = {0: [], 1: []}
            for row in here:
                corner = int("".join(map(str, x[row, list(chosen)])), 2)
                groups[table[corner]].append(row)
            for rows in (*groups.values(), here):
                values = [response.values[row, output] for row in rows]
                part = spread(values, [response.weights[row] for row in rows])
                if rows is here:
                    whole += part
                else:
                    within += part
    return within / whole


@pytest.mark.parametrize("size", [2, 3])
def test_losses_are_those_of_a_literal_loop(size: int) -> None:
    response = some_response(4, seed=size)
    sets = list(itertools.combinations(range(4), size))
    found = losses(response, sets)
    for s, g in [(0, 0), (1, 2), (len(sets) - 1, len(gates_of(size)) - 1)]:
        assert found[s, g] == pytest.approx(loss_by_hand(response, sets[s], gates_of(size)[g]))


def test_there_are_five_inner_gates_of_two_inputs() -> None:
    assert sorted(map(tuple, gates_of(2).tolist())) == sorted(
        [(0, 0, 0, 1), (0, 0, 1, 0), (0, 1, 0, 0), (0, 1, 1, 0), (0, 1, 1, 1)]
    )


def test_merging_averages_what_a_bit_no_longer_tells_apart() -> None:
    response, table = some_response(3, seed=5), np.array([0, 1, 1, 0])
    merged, x = response.merged((0, 2), table), all_rows(3)
    for row, (left, bit) in enumerate(all_rows(2)):
        here = [i for i, (a, b, c) in enumerate(x) if b == left and table[2 * a + c] == bit]
        assert merged.weights[row] == sum(response.weights[here])
        if merged.weights[row]:
            mean = response.weights[here] @ response.values[here] / merged.weights[row]
            assert merged.values[row] == pytest.approx(mean)


def test_effects_are_zero_for_inputs_that_play_no_part() -> None:
    y = 2.0 * GRAPHS["6-2-2"].truth_table() - 1
    effects = Response(y, np.ones(64)).effects()
    assert effects[:2] == pytest.approx(np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert not effects[4:].any()


def test_covers_leave_open_what_their_cells_do() -> None:
    rng = np.random.default_rng(3)
    values, weights = rng.normal(size=8), rng.integers(1, 4, 8).astype(float)
    parts, bits = sub_functions(3)
    lost = losses_of_pairs(bits, values, weights)
    for a, b in [(0, 1), (2, 9), (5, 17)]:
        cells = 2 * bits[a] + bits[b]
        left = sum(
            spread(values[cells == cell].tolist(), weights[cells == cell].tolist())
            for cell in range(4)
        )
        assert lost[a, b] == pytest.approx(left / spread(values.tolist(), weights.tolist()))
    assert len(parts) == len(bits) == 3 + 3 * 5


def best_of(graph: FunctionGraph) -> tuple:
    """The best circuit of a whole table, and its rows."""
    rows = Rows(graph.rows(), graph.truth_table())
    search = Search(response_of_rows(rows, np.ones(len(rows.x))))
    return candidates(search.ways(), rows, 3)[0], rows


KNOWN = [GRAPHS[name] for name in ("6-2-2", "6-3-2-2", "6-3-3-2-2")]
WORDS = ["XOR", "AND", "OR", "NAND"]
DRAWN = graphs(6, widths=(6, 3, 2, 2), gates=WORDS)
WIDER = graphs(2, widths=(8, 4, 3, 2, 2), gates=WORDS) + graphs(
    2, widths=(9, 3, 2, 2), fan_in={2: 1, 3: 2}, gates=WORDS
)


@pytest.mark.parametrize("graph", [*KNOWN, *DRAWN, *WIDER], ids=str)
def test_the_whole_table_gives_its_graph_or_one_as_short(graph: FunctionGraph) -> None:
    best, rows = best_of(graph)
    found = graph_of(best.outputs, graph.n_inputs, "found")
    assert (found.truth_table() == graph.truth_table()).all()
    assert best.evidence >= rows.evidence(nodes_of(graph)) - 20
    if graph in KNOWN or graph in DRAWN:
        assert best.wiring == tuple(map(wiring_of, nodes_of(graph)))


def test_a_table_without_structure_has_less_than_no_evidence() -> None:
    best, _ = best_of(GRAPHS["6-2"])
    assert best.evidence < 0


def test_a_graph_is_the_same_after_nodes_and_back() -> None:
    for graph in [*KNOWN, *DRAWN, *WIDER]:
        again = graph_of(nodes_of(graph), graph.n_inputs, "again")
        assert (again.truth_table() == graph.truth_table()).all()
        assert edges_of(nodes_of(again)) == edges_of(nodes_of(graph))


def test_slots_and_sources_stand_in_order() -> None:
    graph = FunctionGraph(4, [["NIMPLY 3 0", "XOR 2 1"], ["IMPLY 1 0"]])
    again = graph_of(nodes_of(graph), 4, "again")
    assert [str(node) for node in again.levels[0]] == ["CNIMPLY 0 3", "XOR 1 2"]
    assert [str(node) for node in again.levels[1]] == ["CIMPLY 0 1"]
    assert (again.truth_table() == graph.truth_table()).all()


def test_outputs_at_different_depths_get_copies() -> None:
    x, y = nodes_of(FunctionGraph(3, [["XOR 0 1", "AND 1 2"], ["OR 0 1", "AND 0 1"]]))
    inner = y.sources[0]
    graph = graph_of([inner, x, x], 3, "copies")
    assert graph.slots == (2, 2, 3)
    bits = graph.rows()
    assert (graph.evaluate(bits)[:, 0] == bits[:, 0] ^ bits[:, 1]).all()
    assert (graph.evaluate(bits)[:, 1] == graph.evaluate(bits)[:, 2]).all()
    assert in_words(wiring_of(x)) == "((x0 x1) (x1 x2))"
