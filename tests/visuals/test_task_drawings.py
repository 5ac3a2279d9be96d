"""Drawings of several tasks, of outputs from every level, of images and of convolutions."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import modnets as mn
from modnets.visuals.style import DARK

TWO = mn.TASK_SETS["two tasks"]
PAIRS = mn.DigitPairs()


@pytest.fixture
def ax() -> Axes:
    return Figure(figsize=(4, 4)).add_subplot()


def labelled(ax: Axes, label: str) -> list:
    return [artist for artist in ax.get_children() if artist.get_label() == label]


def dark(ax: Axes, label: str) -> list[bool]:
    return [to_hex(patch.get_facecolor()) == DARK for patch in labelled(ax, label)]


def words(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def network(**settings: object) -> torch.nn.Module:
    run = mn.RunConfig(train_rows=8, **settings)
    return mn.build(run, run.seed)


@pytest.mark.parametrize("task", [0, 1])
def test_a_network_of_several_tasks_is_drawn_for_one(task: int, ax: Axes) -> None:
    found = network(graph=TWO, model="shared", routing="known")
    mn.draw(found, ax, graph=TWO, task=task)
    reads = found.structure()["routing"][task]
    assert dark(ax, "_slot") == [not sources for level in reads for sources in level]
    assert len(labelled(ax, "_arrow")) == sum(len(s) for level in reads for s in level) + 2
    assert len(labelled(ax, "_input")) == 6  # the task id is no input


def test_the_first_task_is_drawn_where_none_is_named(ax: Axes) -> None:
    mn.draw(network(graph=TWO, model="modular"), ax)
    assert ax.get_title() == "task 0"


@pytest.mark.parametrize("outputs", ["known", "learned"])
def test_outputs_of_every_level_start_where_they_are_read(outputs: str, ax: Axes) -> None:
    found = network(model="modular", output_levels="every", outputs=outputs, seed=2)
    mn.draw(found, ax)
    assert len(labelled(ax, "_arrow")) == 5 * 2 + 2
    sizes = [mesh.get_array().size for mesh in labelled(ax, "_matrix")]
    assert sizes[-1] == sum(found.slots) or sum(found.slots) in sizes  # a row for each slot


@pytest.mark.parametrize(
    ("network_kind", "model", "routing"),
    list(product(["mlp", "cnn"], ["modular", "shared"], ["known", "learned"])),
)
def test_images_and_the_slots_that_look_at_them(
    network_kind: str, model: str, routing: str, ax: Axes
) -> None:
    settings = {"model": model, "routing": routing, "image_network": network_kind}
    found = network(graph=PAIRS, **settings)
    mn.draw(found, ax, graph=PAIRS)
    assert len(labelled(ax, "_image")) == len(labelled(ax, "_image_slot")) == 2
    assert len(labelled(ax, "_slot")) == 5
    assert len(labelled(ax, "_arrow")) == 2 + 5 * 2 + 2
    assert {"a2", "a1", "a0", "b2", "b1", "b0"} <= set(words(ax))
    dashed = {arrow.get_linestyle() != "-" for arrow in labelled(ax, "_arrow")}
    assert dashed == {routing == "learned"}


def test_example_images_are_shown(ax: Axes) -> None:
    images = PAIRS.digits.images[:2]
    mn.draw(network(graph=PAIRS, model="shared", routing="known"), ax, images=images)
    assert len(labelled(ax, "_pixels")) == 2
    with pytest.raises(ValueError, match=r"images have shape \(3, 8, 8\); allowed is shape \(2,"):
        mn.draw(network(graph=PAIRS, model="shared"), images=PAIRS.digits.images[:3])


@pytest.mark.parametrize("model", ["dense", "sparse"])
def test_convolutions_show_their_feature_maps(model: str, ax: Axes) -> None:
    mn.draw(network(graph=PAIRS, model=model, image_network="cnn"), ax, graph=PAIRS)
    said = " ".join(words(ax))
    assert "12 @ 8x8" in said
    assert "32 @ 4x4" in said
    assert len(labelled(ax, "_image")) == 2


def test_layers_too_wide_for_lines_are_blocks(ax: Axes) -> None:
    mn.draw(network(graph=PAIRS, model="dense"), ax, graph=PAIRS)
    assert len(labelled(ax, "_block")) >= 2
    assert len(labelled(ax, "_band")) >= 2
    assert len(labelled(ax, "_unit")) == 4 * 36


def test_tasks_stand_side_by_side_or_alone_on_the_common_slots(ax: Axes) -> None:
    mn.draw_graph(TWO, ax)
    assert len(labelled(ax, "_gate")) == sum(len(level) for g in TWO.graphs for level in g.levels)
    alone = Figure().add_subplot()
    mn.draw_graph(TWO, alone, task=1)
    assert len(labelled(alone, "_gate")) == sum(TWO.slots)
    assert sum(dark(alone, "_gate")) == sum(TWO.slots) - sum(map(len, TWO.graphs[1].levels))


def test_digit_pairs_are_their_graph_above_two_images(ax: Axes) -> None:
    mn.draw_graph(PAIRS, ax, images=np.zeros((2, 8, 8)))
    assert len(labelled(ax, "_gate")) == 5
    assert len(labelled(ax, "_image")) == 2
    assert {"a2", "b0"} <= set(words(ax))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mn.draw(network(graph=TWO, model="modular"), task=2), "task=2"),
        (lambda: mn.draw(network(model="modular"), task=1), "task=1"),
        (lambda: mn.draw_graph(TWO, task=2), "task=2 of two tasks; allowed is None, or 0 to 1"),
        (lambda: mn.draw_graph("6-2-2", images=np.zeros((2, 8, 8))), "as none are looked at"),
    ],
)
def test_what_is_not_there_is_one_line(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
