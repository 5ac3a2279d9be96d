"""Drawings of several tasks, of outputs from every level, of images and of convolutions."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
import torch
from drawings import faces, labelled, words
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Patch

import modnets as mn
from modnets.visuals.diagrams.layout import CELL
from modnets.visuals.style import DARK, module_colors

TWO = mn.tasks.TASK_SETS["two tasks"]
PAIRS = mn.tasks.DigitPairs()
BITS = ["a2", "a1", "a0", "b2", "b1", "b0"]


@pytest.fixture
def ax() -> Axes:
    return Figure(figsize=(4, 4)).add_subplot()


def dark(ax: Axes, label: str) -> list[bool]:
    return [face == DARK for face in faces(ax, label)]


def edges(patch: Patch) -> tuple[float, float, float, float]:
    """Left, right, lower and upper edge of a box or a square."""
    box = patch.get_path().get_extents(patch.get_patch_transform())
    return box.x0, box.x1, box.y0, box.y1


def ends(arrow: FancyArrowPatch) -> np.ndarray:
    """Where an arrow starts and ends, also where it goes around boxes."""
    if arrow._posA_posB is not None:
        return np.array(arrow._posA_posB)
    return arrow._path_original.vertices[[0, -1]]


def is_from(arrow: FancyArrowPatch, patch: Patch) -> bool:
    """Whether an arrow starts in the middle of the upper edge."""
    left, right, _, upper = edges(patch)
    return np.allclose(ends(arrow)[0], ((left + right) / 2, upper))


def network(**settings: object) -> torch.nn.Module:
    run = mn.RunConfig(train_rows=8, **settings)
    return mn.build(run, run.seed)


# Several tasks


@pytest.mark.parametrize("task", [0, 1])
def test_a_network_of_several_tasks_is_drawn_for_one(task: int, ax: Axes) -> None:
    net = network(graph=TWO, model="shared", routing="known")
    mn.draw(net, ax, graph=TWO, task=task)
    reads = [sources for level in net.structure()["routing"][task] for sources in level]
    fills = [module for level in net.structure()["selection"][task] for module in level]
    colors = module_colors(len(TWO.modules))
    assert faces(ax, "_slot") == [
        colors[module] if sources else DARK for module, sources in zip(fills, reads, strict=True)
    ]
    assert dark(ax, "_module") == [
        not any(sources for m, sources in zip(fills, reads, strict=True) if m == module)
        for module in range(len(TWO.modules))
    ]
    assert len(labelled(ax, "_arrow")) == sum(map(len, reads)) + 2
    assert len(labelled(ax, "_input")) == 6  # the task id is no input
    for gate in TWO.modules:
        assert words(ax).count(gate.name) == [TWO.modules[m] for m in fills].count(gate)


@pytest.mark.parametrize("task", [0, 1])
def test_learned_choices_are_those_of_the_task(task: int, ax: Axes) -> None:
    net = network(graph=TWO, model="shared", seed=4)
    mn.draw(net, ax, task=task)
    drawn = [np.asarray(mesh.get_array()).ravel() for mesh in labelled(ax, "_matrix")]
    choices = [*net.routing, net.output_routing, *net.selection]
    for values, choice in zip(drawn, choices, strict=True):
        np.testing.assert_allclose(values, choice.logits[..., task].detach().numpy().ravel())
    fills = [module for level in net.structure()["selection"][task] for module in level]
    assert words(ax)[6 + 2 :][: len(fills)] == ["ABC"[module] for module in fills]


def test_the_first_task_is_drawn_where_none_is_named(ax: Axes) -> None:
    mn.draw(network(graph=TWO, model="modular"), ax)
    assert ax.get_title() == "task 0"


def test_a_dense_network_of_several_tasks_reads_their_ids(ax: Axes) -> None:
    net = network(graph=TWO, model="dense")
    mn.draw(net, ax, graph=TWO)
    assert words(ax)[:8] == ["x0", "x1", "x2", "x3", "x4", "x5", "t0", "t1"]
    other = Figure().add_subplot()
    mn.draw(net, other)
    assert words(other)[6:8] == ["x6", "x7"]


# Outputs from every level


def reading(*outputs: int) -> mn.models.ModularNetwork:
    """6-3-2-2 with shared modules, whose outputs are slots counted through both levels."""
    graph = mn.GRAPHS["6-3-2-2"]
    parts = {"routing": graph.routing, "selection": graph.selection, "outputs": outputs}
    return mn.models.ModularNetwork(6, (3, 2), 2, n_shared=2, every_level=True, **parts)


def test_outputs_of_every_level_start_where_they_are_read(ax: Axes) -> None:
    mn.draw(reading(1, 4), ax)
    slots, arrows = labelled(ax, "_slot"), labelled(ax, "_arrow")
    assert is_from(arrows[-2], slots[1])
    assert is_from(arrows[-1], slots[4])
    assert dark(ax, "_slot") == [True, False, False, True, False]


@pytest.mark.parametrize("outputs", [(0, 1), (1, 2), (2, 0)])
def test_what_passes_a_level_goes_between_its_boxes(outputs: tuple[int, int], ax: Axes) -> None:
    mn.draw(reading(*outputs), ax)
    for arrow in labelled(ax, "_arrow")[-2:]:
        points = arrow._path_original.interpolated(1).to_polygons(closed_only=False)[0]
        curve = np.concatenate([np.linspace(a, b, 20) for a, b in pairwise(points)])
        for left, right, lower, upper in map(edges, labelled(ax, "_slot")[3:]):
            inside = (curve[:, 1] > lower) & (curve[:, 1] < upper)
            assert inside.any()
            assert not ((curve[inside, 0] > left) & (curve[inside, 0] < right)).any()


def test_the_readout_has_a_row_for_each_slot_in_the_colour_of_its_module(ax: Axes) -> None:
    mn.draw(reading(1, 4), ax)
    output_routing = labelled(ax, "_matrix")[2]
    np.testing.assert_array_equal(np.ravel(output_routing.get_array()), [0, 1, 0, 0, 1])
    lower, upper = (
        output_routing.get_coordinates()[..., 1].min(),
        output_routing.get_coordinates()[..., 1].max(),
    )
    swatches = [s for s in labelled(ax, "_swatch") if lower < s.get_y() < upper]
    blue, orange = module_colors(2)
    assert [to_hex(s.get_facecolor()) for s in swatches] == [blue] * 3 + [orange] * 2
    (rule,) = labelled(ax, "_rule")  # between the levels
    assert rule.get_ydata()[0] == pytest.approx(upper - 3 * (upper - lower) / 5)
    heading = next(text for text in ax.texts if text.get_text() == "routing")
    assert upper < heading.get_position()[1] - 0.1
    assert (upper - lower) / 5 > 0.79 * CELL


# Images


@pytest.mark.parametrize(
    ("network_kind", "model", "routing"),
    list(product(["mlp", "cnn"], ["modular", "shared"], ["known", "learned"])),
)
def test_images_and_the_slots_that_look_at_them(
    network_kind: str, model: str, routing: str, ax: Axes
) -> None:
    settings = {"model": model, "routing": routing, "image_network": network_kind}
    net = network(graph=PAIRS, **settings)
    mn.draw(net, ax, graph=PAIRS)
    images, slots, arrows = (labelled(ax, name) for name in ("_image", "_image_slot", "_arrow"))
    assert len(images) == len(slots) == 2
    assert len(labelled(ax, "_slot")) == 5
    assert {arrow.get_linestyle() != "-" for arrow in arrows} == {routing == "learned"}
    assert words(ax).count(network_kind.upper()) == 2
    assert not labelled(ax, "_input")
    structure = net.structure()
    looks = [image for (image,) in structure["image_routing"]]
    assert len(arrows) == 2 + 5 * 2 + 2
    for arrow, image, slot in zip(arrows[:2], looks, slots, strict=True):
        assert is_from(arrow, images[image])
        left, right, lower, _ = edges(slot)
        np.testing.assert_allclose(ends(arrow)[1], ((left + right) / 2, lower))
    reads = [value for sources in structure["routing"][0] for value in sources]
    for arrow, value in zip(arrows[2:8], reads, strict=True):
        left, right, _, upper = edges(slots[value // 3])
        x, y = ends(arrow)[0]
        assert y == pytest.approx(upper)
        assert int(3 * (x - left) / (right - left)) == value % 3
        named = next(text for text in ax.texts if text.get_text() == BITS[value])
        assert named.get_position()[0] == pytest.approx(x)


def test_image_modules_have_names_and_colours_of_their_own(ax: Axes) -> None:
    mn.draw(network(graph=PAIRS, model="shared", routing="known"), ax)
    assert faces(ax, "_module") == module_colors(3)
    assert faces(ax, "_image_slot") == [module_colors(3)[2]] * 2
    assert words(ax).count("C") == 3  # two slots, and the pool
    other = Figure().add_subplot()
    mn.draw(network(graph=PAIRS, model="modular", routing="known"), other)
    assert faces(other, "_image_slot") == module_colors(7)[5:]
    assert not labelled(other, "_module")
    assert {"6", "7"} <= set(words(other))


def test_image_choices_have_matrices(ax: Axes) -> None:
    settings = {"shared_image_modules": 2, "image_slots": 3, "seed": 1}
    net = network(graph=PAIRS, model="shared", **settings)
    mn.draw(net, ax)
    level = net.image_level
    shapes = [np.asarray(mesh.get_array()).shape for mesh in labelled(ax, "_matrix")]
    assert shapes.count((2, 3)) >= 2
    drawn = [np.ravel(mesh.get_array()) for mesh in labelled(ax, "_matrix")]
    for choice in (level.routing, level.selection):
        wanted = choice.logits.detach().numpy().ravel()
        assert any(values.shape == wanted.shape and np.allclose(values, wanted) for values in drawn)
    assert words(ax).count("image 0") == words(ax).count("image 1") == 2
    lowest = sorted(labelled(ax, "_swatch"), key=lambda swatch: swatch.get_y())[:2]
    assert {to_hex(swatch.get_facecolor()) for swatch in lowest} == set(module_colors(4)[2:])
    one = Figure().add_subplot()
    mn.draw(network(graph=PAIRS, model="shared", routing="known"), one)
    assert len(labelled(one, "_matrix")) == 3 + 2 + 1  # a pool of one leaves no selection


def test_images_that_no_output_uses_are_dark(ax: Axes) -> None:
    net = network(graph=PAIRS, model="shared")
    with torch.no_grad():
        net.image_level.routing.logits.copy_(torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
        for routing in net.routing:
            routing.logits.copy_(torch.arange(len(routing.logits), 0, -1.0)[:, None])
    mn.draw(net, ax)
    assert dark(ax, "_image") == [True, False]
    assert dark(ax, "_image_slot") == [False, True]  # a2 and a1 are all that is read


def test_example_images_are_shown_as_they_are(ax: Axes) -> None:
    images = PAIRS.digits.images[:2]
    mn.draw(network(graph=PAIRS, model="shared", routing="known"), ax, images=images)
    shown = labelled(ax, "_pixels")
    for pixels, image, square in zip(shown, images, labelled(ax, "_image"), strict=True):
        np.testing.assert_array_equal(pixels.get_array(), image)
        assert pixels.origin == "upper"
        left, right, lower, upper = edges(square)
        inner = pixels.get_extent()
        assert left < inner[0] < inner[1] < right
        assert lower < inner[2] < inner[3] < upper
    limits = ax.get_xlim(), ax.get_ylim()
    assert limits[0][1] > 4  # images leave the view as it is
    with pytest.raises(ValueError, match=r"images have shape \(3, 8, 8\); allowed is shape \(2, 8"):
        mn.draw(network(graph=PAIRS, model="shared"), images=PAIRS.digits.images[:3])


# Convolutions and wide layers


@pytest.mark.parametrize("model", ["dense", "sparse"])
def test_convolutions_show_their_feature_maps(model: str, ax: Axes) -> None:
    net = network(graph=PAIRS, model=model, image_network="cnn")
    mn.draw(net, ax, graph=PAIRS)
    assert len(labelled(ax, "_image")) == 2
    maps = [edges(patch) for patch in labelled(ax, "_map")]
    sides = {(round(x1 - x0, 6), round(y0, 6)) for x0, x1, y0, _ in maps}
    assert len(maps) == 12 + 32
    assert len(sides) == 2  # two rows, each of equal squares
    assert maps[0][1] - maps[0][0] > maps[-1][1] - maps[-1][0]
    assert {"12 @ 8x8", "32 @ 4x4", "128 units"} <= set(words(ax))
    kept = [text for text in words(ax) if "weights" in text]
    assert len(kept) == len(labelled(ax, "_band")) - 1 == 3  # the maximum of neighbours has none
    for number, text in enumerate(kept):
        weight = net.layers[number].weight
        assert f"{weight.numel():,} weights" in text
        if model == "sparse":
            share = net.get_buffer(f"weight_mask_{number}").mean()
            assert text.endswith(f"{100 * share:.0f} % kept")
        else:
            assert "kept" not in text


def test_feature_maps_that_nothing_reads_are_dark(ax: Axes) -> None:
    net = mn.models.CNN(8, (2, 3, 5), (7, 2))
    with torch.no_grad():
        net.layers[1].weight[:, 1] = 0  # channel 1 of the first convolution
        net.layers[2].weight[:, 4 * 4 :] = 0  # channel 4 of the second: 2 x 2 units
        net.layers[0].weight[:, 0] = 0  # the first image
    mn.draw(net, ax)
    assert dark(ax, "_map") == [False, True, False] + [False] * 4 + [True]
    assert dark(ax, "_image") == [True, False]
    assert sum(dark(ax, "_unit")) == 4
    assert len(labelled(ax, "_unit")) == 5 * 4 + 7


def test_large_images_and_many_channels_stay_in_view(ax: Axes) -> None:
    mn.draw(mn.models.CNN(28, (2, 12, 64), (36, 2), 75.0), ax)
    assert {"12 @ 24x24", "64 @ 8x8"} <= set(words(ax))
    assert any(word.startswith("1,024 units") for word in words(ax))
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    for label in ("_image", "_map", "_block", "_unit", "_output"):
        for x0, x1, y0, y1 in map(edges, labelled(ax, label)):
            assert left < x0 < x1 < right
            assert bottom < y0 < y1 < top
    rows = sorted({(round(y0, 6), round(y1, 6)) for *_, y0, y1 in map(edges, labelled(ax, "_map"))})
    assert rows[0][1] < rows[1][0]  # the second convolution stands above the first


def test_layers_too_wide_for_lines_are_blocks(ax: Axes) -> None:
    net = network(graph=PAIRS, model="dense")
    mn.draw(net, ax, graph=PAIRS)
    assert len(labelled(ax, "_image")) == 2
    assert len(labelled(ax, "_block")) == 2
    assert {"256 units", "128 units"} <= set(words(ax))
    assert [text for text in words(ax) if "weights" in text] == [
        "32,768 weights",
        "32,768 weights",
        "4,608 weights",
    ]
    assert len(labelled(ax, "_unit")) == 4 * 36
    lines = sum(len(lines.get_segments()) for lines in labelled(ax, "_weights"))
    assert lines == 3 * 36 * 36 + 36 * 2


def test_pixels_are_a_block_where_no_task_tells_of_images(ax: Axes) -> None:
    mn.draw(network(graph=PAIRS, model="dense"), ax)
    assert not labelled(ax, "_image")
    assert words(ax).count("128 units") == 2


def test_a_block_tells_how_many_of_its_units_are_unused(ax: Axes) -> None:
    net = mn.models.MLP((6, 100, 2))
    with torch.no_grad():
        net.layers[1].weight[:, :30] = 0
    mn.draw(net, ax)
    assert "100 units, 30 unused" in words(ax)


# Tasks


def test_tasks_stand_side_by_side_or_alone_on_the_common_slots(ax: Axes) -> None:
    mn.draw_graph(TWO, ax)
    gates = [node.gate for graph in TWO.graphs for level in graph.levels for node in level]
    colors = dict(zip((gate.name for gate in TWO.modules), module_colors(3), strict=True))
    assert faces(ax, "_gate") == [colors[gate.name] for gate in gates]
    assert {"task 0: 6-3-2-2", "task 1: 6-4-2-2 of ORs and XORs"} <= set(words(ax))
    lefts = [edges(box)[:2] for box in labelled(ax, "_gate")]
    assert max(right for _, right in lefts[:5]) < min(left for left, _ in lefts[5:])
    alone = Figure().add_subplot()
    mn.draw_graph(TWO, alone, task=1)
    reads = [sources for level in TWO.routing[1] for sources in level]
    assert dark(alone, "_gate") == [not sources for sources in reads]
    assert len(labelled(alone, "_arrow")) == sum(map(len, reads)) + 2


def test_a_task_that_ends_early_has_its_outputs_there(ax: Axes) -> None:
    both = mn.TaskSet((mn.GRAPHS["6-2-2"], mn.GRAPHS["6-3-2-2"]))
    mn.draw_graph(both, ax, task=0)
    gates, arrows = labelled(ax, "_gate"), labelled(ax, "_arrow")
    assert all(is_from(arrow, gate) for arrow, gate in zip(arrows[-2:], gates[:2], strict=True))
    assert dark(ax, "_gate") == [False, False, True, True, True]


def test_tasks_without_structure_are_tables(ax: Axes) -> None:
    mixed = mn.TaskSet((mn.GRAPHS["6-2"], mn.GRAPHS["6-3-2-2"]))
    mn.draw_graph(mixed, ax)
    assert words(ax).count("table") == 1
    assert len(labelled(ax, "_gate")) == 1 + 5
    alone = Figure().add_subplot()
    mn.draw_graph(mixed, alone, task=0)
    assert len(labelled(alone, "_gate")) == 1


def test_digit_pairs_are_their_graph_above_two_images(ax: Axes) -> None:
    mn.draw_graph(PAIRS, ax, images=np.zeros((2, 8, 8)))
    assert len(labelled(ax, "_gate")) == 5
    assert len(labelled(ax, "_image")) == len(labelled(ax, "_pixels")) == 2
    assert [word for word in words(ax) if word in BITS] == BITS
    heights = [edges(labelled(ax, name)[0])[2] for name in ("_image", "_digit", "_gate")]
    assert heights == sorted(heights)
    images, arrows = labelled(ax, "_image"), labelled(ax, "_arrow")
    assert all(is_from(arrow, image) for arrow, image in zip(arrows[-2:], images, strict=True))
    assert faces(ax, "_digit") == [module_colors(3)[2]] * 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: mn.draw(network(graph=TWO, model="modular"), task=2),
            "task=2; allowed are 0 to 1$",
        ),
        (lambda: mn.draw(network(model="modular"), task=0), "task=0; allowed is None"),
        (lambda: mn.draw(network(model="dense"), task=0), "task=0; allowed is None"),
        (lambda: mn.draw_graph(TWO, task=2), "task=2 of two tasks; allowed is None, or 0 to 1$"),
        (lambda: mn.draw_graph("6-2-2", task=0), "task=0 of 6-2-2; allowed is None$"),
        (lambda: mn.draw_graph("6-2-2", images=np.zeros((2, 8, 8))), "as none are looked at"),
        (
            lambda: mn.draw(network(model="dense"), images=np.zeros((2, 8, 8))),
            "as none are looked at",
        ),
        (
            lambda: mn.draw(network(graph=TWO, model="modular"), graph="6-3-2-2"),
            "6-3-2-2 does not fit: the network has 6 inputs, 2 outputs, 2 tasks",
        ),
        (
            lambda: mn.draw(network(graph=PAIRS, model="shared"), graph="6-3-2-2"),
            "does not fit: the network has 2 images, 3 bits of an image, 2 outputs",
        ),
        (
            lambda: mn.draw(mn.models.CNN(8, (1, 4), (3, 2)), graph=PAIRS),
            "does not fit: the network has 1 images, 64 inputs, 2 outputs",
        ),
    ],
)
def test_what_is_not_there_is_one_line(call, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        call()
    assert "\n" not in str(raised.value)
