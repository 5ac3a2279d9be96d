"""Diagrams: what is drawn against what the network is."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from drawings import faces, labelled, words
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

import modnets as mn
from modnets.models.modular import ModularNetwork
from modnets.visuals.diagrams import layout, usage
from modnets.visuals.diagrams.canvas import MANY_WEIGHTS, STRONGEST
from modnets.visuals.diagrams.network import draw
from modnets.visuals.diagrams.task import draw_graph
from modnets.visuals.style import DARK, NEGATIVE, POSITIVE, module_colors

SIX = [
    {"model": "dense"},
    {"model": "sparse"},
    {"model": "modular", "routing": "learned"},
    {"model": "modular", "routing": "known"},
    {"model": "shared", "routing": "learned"},
    {"model": "shared", "routing": "known"},
]


@pytest.fixture
def ax() -> Axes:
    return Figure(figsize=(4, 4)).add_subplot()


def network(**settings) -> torch.nn.Module:
    run = mn.RunConfig(**settings)
    return mn.build(run, run.seed)


@pytest.mark.parametrize("settings", SIX, ids=str)
def test_every_kind_on_every_graph(settings: dict, structured: mn.FunctionGraph, ax: Axes) -> None:
    drawn = draw(network(graph=structured, **settings), ax, graph=structured, title="t")
    assert drawn is ax
    assert ax.get_title() == "t"
    assert len(labelled(ax, "_input")) == structured.n_inputs
    assert len(labelled(ax, "_output")) == structured.n_outputs
    slots = 0 if settings["model"] in ("dense", "sparse") else sum(structured.slots)
    assert len(labelled(ax, "_slot")) == slots


@pytest.mark.parametrize(("routing", "dashed"), [("known", False), ("learned", True)])
def test_arrows_are_the_routing(routing: str, dashed: bool, ax: Axes) -> None:
    net = network(model="modular", routing=routing, seed=3)
    draw(net, ax)
    arrows = labelled(ax, "_arrow")
    assert len(arrows) == 5 * 2 + 2
    assert all(isinstance(arrow, FancyArrowPatch) for arrow in arrows)
    assert {arrow.get_linestyle() != "-" for arrow in arrows} == {dashed}
    index = layout.Layout.levels((6, 3, 2, 2))
    starts = [arrow._posA_posB[0] for arrow in arrows[:6]]
    wanted = [index.exit(0, s) for slot in net.structure()["routing"][0] for s in slot]
    np.testing.assert_allclose(starts, wanted)


def test_known_outputs_beside_learned_routing_are_solid(ax: Axes) -> None:
    draw(network(model="modular", outputs="known"), ax)
    assert [a.get_linestyle() == "-" for a in labelled(ax, "_arrow")] == [False] * 10 + [True] * 2


def test_reuse_is_the_same_colour_and_own_modules_differ(ax: Axes) -> None:
    draw(network(model="shared", routing="known"), ax)
    blue, orange = module_colors(2)
    assert faces(ax, "_slot") == [blue] * 3 + [orange] * 2
    assert faces(ax, "_module") == [blue, orange]
    other = Figure().add_subplot()
    draw(network(model="modular", routing="known"), other)
    assert len(set(faces(other, "_slot"))) == 5


def wired() -> ModularNetwork:
    """6-3-2-2, shared: the last slot of level 1 is read by none, module 2 of 3 fills none."""
    net = ModularNetwork(6, (3, 2), 2, n_shared=3)
    with torch.no_grad():
        for routing in (*net.routing, net.output_routing):
            routing.logits.copy_(torch.arange(len(routing.logits), 0, -1.0)[:, None])
        for choice in net.selection:
            choice.logits.zero_()
            choice.logits[0] = 1.0
    return net


def test_what_no_output_uses_is_dark(ax: Axes) -> None:
    net = wired()
    assert usage.used_slots(net) == [(True, True, False), (True, True)]
    assert usage.used_modules(net) == (True, False, False)
    assert usage.used_inputs(net) == (True, True, False, False, False, False)
    draw(net, ax)
    assert [face == DARK for face in faces(ax, "_slot")] == [False, False, True, False, False]
    assert [face == DARK for face in faces(ax, "_module")] == [False, True, True]
    assert [face == DARK for face in faces(ax, "_input")] == [False, False, True, True, True, True]


def test_weights_are_lines_and_masked_ones_are_absent() -> None:
    counts = {}
    for model in ("dense", "sparse"):
        axes, result = Figure().add_subplot(), network(model=model)
        draw(result, axes)
        counts[model] = sum(len(c.get_segments()) for c in labelled(axes, "_weights"))
        assert counts[model] == mn.models.n_weights(result)
    assert counts == {"dense": 2880, "sparse": 1440}


def test_of_many_weights_the_largest_stand_out(ax: Axes) -> None:
    net = network(model="dense")
    draw(net, ax)
    largest = max(float(net.weights(n)[0].detach().abs().max()) for n in range(len(net.layers)))
    for lines, number in zip(labelled(ax, "_weights"), range(len(net.layers)), strict=True):
        sizes = np.sort(net.weights(number)[0].detach().abs().numpy().ravel()) / largest
        opacity = np.asarray(lines.get_colors())[:, 3]
        assert len(opacity) == len(sizes)
        if len(sizes) <= MANY_WEIGHTS:
            np.testing.assert_allclose(opacity, 0.06 + 0.8 * sizes, rtol=1e-5)
            continue
        assert (opacity > 0.3).sum() == STRONGEST
        assert (opacity[-STRONGEST:] > 0.3).all()  # drawn last, above the others
        assert (np.diff(opacity[-STRONGEST:]) >= -1e-6).all()


def test_signs_of_weights_have_a_scale() -> None:
    figure = Figure(figsize=(5, 1))
    legend = figure.legend(handles=mn.plot.diagram_legend())
    (scale,) = [text for text in legend.get_texts() if "largest" in text.get_text()]
    assert scale.get_text() == "weight or logit, − largest to + largest"
    cells = {to_hex(patch.get_facecolor()) for patch in legend.findobj(Rectangle)}
    assert {POSITIVE, NEGATIVE} <= cells
    assert len(cells) >= 9


def test_matrices_show_the_logits_and_the_places(ax: Axes) -> None:
    net = network(model="shared", seed=2)
    draw(net, ax)
    values = [np.asarray(mesh.get_array()).ravel() for mesh in labelled(ax, "_matrix")]
    choices = [*net.routing, net.output_routing, *net.selection]
    assert len(values) == len(choices)
    for drawn, choice in zip(values, choices, strict=True):
        np.testing.assert_allclose(drawn, choice.logits.detach().numpy().ravel())
    assert words(ax).count("1") == words(ax).count("2") == 3 + 2 + 1
    assert words(ax).count("•") == 5


def test_marks_are_legible_and_matrices_apart(ax: Axes) -> None:
    net = ModularNetwork(7, (7, 7), 2, n_shared=1)  # so that slots bear no digits
    with torch.no_grad():
        for choice in net.choices():
            choice.logits.copy_(torch.eye(*choice.logits.shape) * 5 - 0.1)
    draw(net, ax)
    inks = {text.get_color() for text in ax.texts if text.get_text() == "1"}
    assert inks == {"white"}  # the largest logit of a column is in a deep cell
    assert {text.get_color() for text in ax.texts if text.get_text() == "2"} >= {"black"}
    heights = [mesh.get_coordinates()[..., 1] for mesh in labelled(ax, "_matrix")[:3]]  # routing
    gaps = [upper.min() - lower.max() for lower, upper in pairwise(heights)]
    assert min(gaps) > 0.09


def test_gates_are_named_where_routing_is_known(ax: Axes) -> None:
    draw(network(model="shared", routing="known"), ax, graph="6-3-2-2")
    assert words(ax).count("XOR") == 3
    assert words(ax).count("AND") == 2
    other = Figure().add_subplot()
    draw(network(model="shared"), other, graph="6-3-2-2")
    assert "XOR" not in words(other)


def test_a_graph_is_drawn_with_its_gates(ax: Axes) -> None:
    draw_graph("6-3-3-2-2", ax)
    assert [words(ax).count(gate) for gate in ("XOR", "AND", "OR")] == [3, 3, 2]
    assert len(labelled(ax, "_arrow")) == 8 * 2 + 2


def test_a_graph_without_structure_is_a_box(ax: Axes) -> None:
    draw_graph("6-2", ax)
    assert "table" in words(ax)
    assert len(labelled(ax, "_gate")) == 1


def test_a_large_network_stays_inside_its_axes(ax: Axes) -> None:
    graph = mn.tasks.random_graph((12, 32, 16, 16, 8, 8, 4, 4, 2, 2), seed=1)
    draw(network(graph=graph, model="shared", routing="known"), ax, graph=graph)
    boxes = labelled(ax, "_slot")
    assert len(boxes) == sum(graph.slots)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    for box in boxes:
        extent = box.get_path().get_extents(box.get_patch_transform())
        assert left < extent.x0 < extent.x1 < right
        assert bottom < extent.y0 < extent.y1 < top
    first = sorted(b.get_x() for b in boxes[:32])
    assert min(np.diff(first)) > boxes[0].get_width()  # boxes of a level do not overlap


@pytest.mark.parametrize(
    ("thing", "keywords", "message"),
    [
        (
            torch.nn.Linear(2, 2),
            {},
            "network is a Linear; allowed is an MLP, a CNN or a ModularNetwork",
        ),
        (mn.models.MLP((6, 3, 2)), {"graph": "6-9"}, "unknown graph '6-9'"),
        (mn.models.MLP((5, 3, 2)), {"graph": "6-2"}, "does not fit: the network has 5 inputs"),
    ],
)
def test_wrong_use(thing: torch.nn.Module, keywords: dict, message: str, ax: Axes) -> None:
    with pytest.raises(ValueError, match=message):
        draw(thing, ax, **keywords)
