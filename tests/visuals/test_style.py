"""The style: one colour per kind, and figures that are the same bytes every time."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.figure import Figure

from modnets.visuals.style import KINDS, kind_style, module_colors, save_figure, style


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
        assert [path.name for path in paths] == ["name.svg", "name.png", "name.csv"]
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
    ]


def test_wrong_name_and_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"folder='.*file/x' cannot be written"):
        save_figure(figure(), "name", folder=tmp_path / "file" / "x")
    with pytest.raises(ValueError, match=r"name='a/b'; allowed is the name of a file"):
        save_figure(figure(), "a/b", folder=tmp_path)
