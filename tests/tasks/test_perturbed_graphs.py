"""Graphs that are wrong in places, and networks that know them."""

from __future__ import annotations

import pytest

import modnets as mn
from modnets.tasks import perturbed_graph

GRAPH = mn.FunctionGraph(6, [["XOR 0 1", "XOR 2 3", "OR 4 5"], ["AND 0 1", "AND 1 2"]])


def differences(other: mn.FunctionGraph) -> tuple[int, int]:
    """Sources and gates that are not those of GRAPH."""
    pairs = [
        (a, b)
        for level, changed in zip(GRAPH.levels, other.levels, strict=True)
        for a, b in zip(level, changed, strict=True)
    ]
    edges = sum(x != y for a, b in pairs for x, y in zip(a.inputs, b.inputs, strict=True))
    return edges, sum(a.gate != b.gate for a, b in pairs)


@pytest.mark.parametrize("count", range(5))
def test_so_many_places_are_wrong(count: int) -> None:
    for seed in range(20):
        assert differences(perturbed_graph(GRAPH, edges=count, seed=seed)) == (count, 0)
        assert differences(perturbed_graph(GRAPH, gates=count, seed=seed)) == (0, count)


def test_fewer_modules_are_left() -> None:
    for modules in (1, 2, 3, 9):
        left = perturbed_graph(GRAPH, modules=modules)
        assert len(left.modules) == min(modules, 3)
        assert differences(left)[0] == 0


def test_it_is_drawn_by_its_seed() -> None:
    one, again, other = (perturbed_graph(GRAPH, edges=2, seed=seed) for seed in (1, 1, 2))
    assert one.levels == again.levels
    assert one.levels != other.levels


def test_a_network_knows_what_is_wrong() -> None:
    wrong = perturbed_graph(GRAPH, edges=3, gates=1, seed=0)
    run = mn.RunConfig(graph=GRAPH, model="shared", routing="known", knowledge=wrong)
    network = mn.build(run.final, seed=0)
    read = [[sorted(sources) for sources in level] for level in network.structure()["routing"]]
    assert read == [[sorted(node.inputs) for node in level] for level in wrong.levels]
    assert run.key != mn.RunConfig(graph=GRAPH, model="shared", routing="known").key


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"edges": 11}, "edges=11; allowed is 0 to 10"),
        ({"edges": -1}, "edges=-1; allowed"),
        ({"gates": 6}, "gates=6; allowed is 0 to 5"),
        ({"modules": 0}, "modules=0; allowed"),
    ],
)
def test_bad_input_is_one_line(settings: dict, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        perturbed_graph(GRAPH, **settings)
