"""What is drawn of tasks and networks with too many nodes to read."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest
from matplotlib.axes import Axes

import modnets as mn
from modnets.models.registry import build
from modnets.tasks.random_graphs import random_graph
from modnets.visuals.diagrams import usage
from modnets.visuals.diagrams.excerpt import DRAWN, MOST_WHOLE, Excerpt

WIDE = random_graph((211, 101, 53, 17), seed=3)


def _texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_what_is_drawn_is_what_the_first_outputs_depend_on() -> None:
    reads = [*usage.below(WIDE.routing), [((len(WIDE.slots), n),) for n in WIDE.outputs]]
    widths = (211, *WIDE.slots, 17)
    part = Excerpt.of(widths, reads)
    assert part.is_part
    assert max(part.drawn) <= DRAWN
    needed = {(len(widths) - 1, n) for n in range(part.drawn[-1])}  # by hand, from node to node
    for _ in widths:
        needed |= {source for row, n in needed if row for source in reads[row - 1][n]}
    assert {(row, n) for row, nodes in enumerate(part.kept) for n in nodes} == needed
    more = {(len(widths) - 1, n) for n in range(part.drawn[-1] + 1)}
    for _ in widths:
        more |= {source for row, n in more if row for source in reads[row - 1][n]}
    assert max(sum(row == at for at, _ in more) for row in range(len(widths))) > DRAWN
    for row, level in enumerate(part.reads(reads), start=1):
        for node, sources in zip(part.kept[row], level, strict=True):
            back = tuple((at, part.kept[at][n]) for at, n in sources)
            assert back == reads[row - 1][node]


def test_a_gate_of_many_inputs_is_drawn_with_some_of_them() -> None:
    reads = [[tuple((0, n) for n in range(99))], [((1, 0),)]]
    part = Excerpt.of((99, 1, 1), reads)
    assert part.drawn == (DRAWN, 1, 1)
    (sources,), _ = part.reads(reads)
    assert sum(source is not None for source in sources) == DRAWN
    assert len(sources) == 99
    assert part.note("gates") == f"Drawn: {DRAWN} of 99 inputs, 1 of 1 gates, 1 of 1 outputs"


def test_rows_that_fit_are_drawn_whole() -> None:
    reads = [[((0, 0),)] * 3, [((1, 2),)]]
    part = Excerpt.of((MOST_WHOLE, 3, 1), reads)
    assert not part.is_part
    assert part.reads(reads) == reads


@pytest.mark.parametrize("kind", ["modular known", "shared learned"])
@pytest.mark.parametrize("found", [False, True])
def test_a_wide_network_is_drawn_in_part(kind: str, found: bool) -> None:
    model, routing = kind.split()
    run = mn.RunConfig(graph=WIDE, model=model, routing=routing, train_rows=9)
    ax = mn.draw(build(run.final, seed=0), graph=WIDE, found=found)
    texts = _texts(ax)
    (note,) = (text for text in texts if text.startswith("Drawn: "))
    assert note.endswith("of 17 outputs")
    assert "of 211 inputs" in note
    assert len(texts) < 120
    plt.close(ax.figure)


def test_a_wide_task_is_drawn_with_the_names_that_its_nodes_have() -> None:
    ax = mn.plot.draw_graph(WIDE)
    texts = _texts(ax)
    (note,) = (text for text in texts if text.startswith("Drawn: "))
    reads = [*usage.below(WIDE.routing), [((len(WIDE.slots), n),) for n in WIDE.outputs]]
    part = Excerpt.of((211, *WIDE.slots, 17), reads)
    assert note == part.note("gates")
    assert {f"x{n}" for n in part.kept[0]} == {t for t in texts if t.startswith("x")}
    plt.close(ax.figure)
