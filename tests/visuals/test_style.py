"""The style: one colour per kind, and figures that are the same bytes every time."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from modnets.visuals.dynamics import GATE_COLORS
from modnets.visuals.style import (
    KINDS,
    MODULE_COLORS,
    NEGATIVE,
    POSITIVE,
    kind_style,
    module_colors,
    save_figure,
    style,
)


def figure() -> Figure:
    made = Figure(figsize=(2, 2))
    made.add_subplot().plot([1, 2], [3, 4])
    return made


def test_kinds_are_told_apart_by_colour_and_by_line() -> None:
    assert len({look.color for look in KINDS.values()}) == 6
    for kind, look in KINDS.items():
        assert (look.linestyle != "-") == kind.endswith("learned")
        assert kind_style(kind) is look


@pytest.mark.parametrize(
    "kind", ["mine", "shared, known selection", "modular, known outputs", "sparse 75 %"]
)
def test_other_kinds_have_a_style_that_stays(kind: str) -> None:
    assert kind_style(kind) == kind_style(kind)
    assert kind_style(kind).label == kind
    assert kind_style(kind).color not in {look.color for look in KINDS.values()}


def test_module_colours_are_distinct_and_do_not_depend_on_the_count() -> None:
    assert len(set(module_colors(16))) == 16
    assert module_colors(16)[:5] == module_colors(5)


#: Linear RGB as people without one kind of cone see it (Machado, Oliveira and Fernandes, 2009).
SIGHT = {
    "all": np.eye(3),
    "no red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def seen(color: str, sight: str) -> np.ndarray:
    """CIE Lab of a colour."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(SIGHT[sight] @ linear, 0, 1) / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def apart(one: str, other: str) -> float:
    """The least distance at which any eye sees two colours (2.3 is just noticed)."""
    return min(np.linalg.norm(seen(one, s) - seen(other, s)) for s in SIGHT)


def test_modules_are_told_apart_and_are_no_signs_of_weights_by_any_eye() -> None:
    for one, other in combinations(MODULE_COLORS, 2):
        assert apart(one, other) > 10
    kinds = [look.color for kind, look in KINDS.items() if kind not in ("dense", "sparse")]
    for module in MODULE_COLORS:
        assert min(apart(module, sign) for sign in (POSITIVE, NEGATIVE)) > 20
        assert min(apart(module, kind) for kind in kinds) > 10
        assert seen(module, "all")[0] > 60  # light enough for a letter in black


def test_gates_have_colours_of_their_own() -> None:
    for one, other in combinations(GATE_COLORS.values(), 2):
        assert apart(one, other) > 8
    for color in GATE_COLORS.values():
        assert (
            min(apart(color, kind.color) for kind in KINDS.values() if kind.color != "#8c8c8c") > 8
        )


def test_style_ends_with_its_block() -> None:
    before = mpl.rcParams["font.size"]
    with style():
        assert mpl.rcParams["font.size"] == 8
    assert mpl.rcParams["font.size"] == before


def test_a_saved_figure_is_the_same_every_time(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": [1, 2]})
    contents = []
    for folder in ("one", "two"):
        paths = save_figure(figure(), "name", table, tmp_path / folder)
        names = ["name.svg", "name.png", "name.csv", "name.provenance.json"]
        assert [path.name for path in paths] == names
        assert sorted(p.name for p in (tmp_path / folder).iterdir()) == sorted(
            path.name for path in paths
        )
        contents.append([path.read_bytes() for path in paths])
    assert contents[0] == contents[1]
    pd.testing.assert_frame_equal(pd.read_csv(paths[2]), table)


def test_no_table_no_csv(tmp_path: Path) -> None:
    assert [path.suffix for path in save_figure(figure(), "name", folder=tmp_path)] == [
        ".svg",
        ".png",
        ".json",
    ]


def test_wrong_name_and_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"folder='.*file/x' cannot be written"):
        save_figure(figure(), "name", folder=tmp_path / "file" / "x")
    with pytest.raises(ValueError, match=r"name='a/b'; allowed is the name of a file"):
        save_figure(figure(), "a/b", folder=tmp_path)
