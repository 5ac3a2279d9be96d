"""The one style of all figures: a colour per kind of network, and how a figure is saved.

Colours are those of Okabe and Ito, "Color Universal Design" (2008), which people with any common
kind of colour vision can tell apart.  Monolithic networks are grey, own modules blue, shared ones
orange; what is known is drawn solid and what is learned dashed, here as in the diagrams.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib as mpl
import matplotlib.style
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.figure import Figure, SubFigure
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

from modnets.errors import require
from modnets.paths import FIGURES

#: Width of a page's text, in inches: what figures are drawn for.
PAGE_WIDTH = 7.0

KNOWN, LEARNED = "-", (0, (3.2, 1.6))
INK, PALE, DARK = "#333333", "#d9d9d9", "#454545"
#: Weights and logits by their sign; no module has these colours.
POSITIVE, NEGATIVE = "#0072b2", "#d55e00"
#: Edges found: of the true graph, or not.
TRUE_EDGE, FALSE_EDGE = "#00805d", "#c23b8e"

#: Signed numbers, zero white: weights and logits.
SIGNED = LinearSegmentedColormap.from_list("signed", [NEGATIVE, "#ffffff", POSITIVE])

#: 0 white, 1 grey: the matrix of a known choice.
CHOSEN = LinearSegmentedColormap.from_list("chosen", ["#ffffff", "#ffffff", "#c4c4c4"])

#: Pixels of an image: none white, full ink.
PIXELS = LinearSegmentedColormap.from_list("pixels", ["#ffffff", INK])

#: Fills of the modules of a pool; light enough for a letter in black, none that could be taken for
#: a sign of weights or a kind of network.
MODULE_COLORS = (
    "#f0e442",  # yellow
    "#b39ddb",  # violet
    "#63dc98",  # green
    "#df9fba",  # rose
    "#8ea970",  # olive
    "#e4c6ec",  # lilac
    "#9fdfb9",  # mint
    "#53c653",  # grass
)

RC = {
    "figure.figsize": (PAGE_WIDTH, 4.0),
    "figure.dpi": 110,
    "savefig.dpi": 200,
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 2.6,  # long enough to tell dashed from solid
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.axisbelow": True,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    # A tick has a label, or it is not drawn.
    "xtick.minor.size": 0.0,
    "ytick.minor.size": 0.0,
}
#: Around words that lie on lines.
HALO = (withStroke(linewidth=2.0, foreground="white"),)
#: Inches between what is drawn beyond the edge of a figure and the edge of its file.
PAD = 0.04
SAVE_RC = {"svg.fonttype": "path", "svg.hashsalt": "modnets"}


@dataclass(frozen=True)
class KindStyle:
    """How one kind of network is drawn, everywhere.

    Parameters
    ----------
    color : str
        As ``"#rrggbb"``.
    label : str
        For legends.
    linestyle : str or tuple
        Solid for known, dashed for learned, dash-dotted for a mix.
    marker : str
    """

    color: str
    label: str
    linestyle: str | tuple[int, tuple[float, ...]]
    marker: str

    @property
    def line(self) -> dict[str, object]:
        """Keywords for ``ax.plot``."""
        names = ("color", "label", "linestyle", "marker")
        return {name: getattr(self, name) for name in names}


#: The kinds of the paper, in the order of legends.
KINDS = {
    "dense": KindStyle("#222222", "dense", KNOWN, "o"),
    "sparse": KindStyle("#8c8c8c", "sparse", KNOWN, "D"),
    "modular, learned": KindStyle("#56b4e9", "modular, learned", LEARNED, "s"),
    "modular, known": KindStyle("#0072b2", "modular, known", KNOWN, "s"),
    "shared, learned": KindStyle("#e69f00", "shared, learned", LEARNED, "^"),
    "shared, known": KindStyle("#d55e00", "shared, known", KNOWN, "^"),
}
MIXES = (
    "routing",
    "selection",
    "outputs",
    "routing and selection",
    "routing and outputs",
    "selection and outputs",
)
OTHERS = ("#009e73", "#cc79a7", "#7a5195", "#8a6d00", "#117733", "#aa4466")
MARKERS = ("v", "P", "X", "*", "<", ">")


def kind_style(kind: str) -> KindStyle:
    """The style of a kind of network.

    Parameters
    ----------
    kind : str
        As ``RunConfig.kind`` spells it.  A mix, as ``"shared, known selection"``, lies between
        learned and known of its model; the more a sparse network, as ``"sparse 75 %"``, lacks,
        the paler it is; any other name, as that of a model of your own, takes a
        colour and marker worked out from its letters, the same in every session.

    Returns
    -------
    KindStyle
    """
    if kind in KINDS:
        return KINDS[kind]
    model, _, part = kind.partition(", known ")
    if f"{model}, known" in KINDS and part in MIXES:
        place = MIXES.index(part)
        ends = KINDS[f"{model}, learned"].color, KINDS[f"{model}, known"].color
        return KindStyle(_blend(*ends, (place + 1) / 7), kind, "-.", MARKERS[place])
    density = re.fullmatch(r"sparse ([\d.]+) %", kind)
    if density:
        pale = float(density[1]) / 100
        return replace(KINDS["sparse"], color=_blend("#606060", "#c0c0c0", pale), label=kind)
    digest = hashlib.sha256(kind.encode()).digest()
    color, marker = OTHERS[digest[0] % len(OTHERS)], MARKERS[digest[1] % len(MARKERS)]
    return KindStyle(color, kind, LEARNED if kind.endswith(", learned") else KNOWN, marker)


def module_colors(count: int) -> list[str]:
    """Fills for that many modules, each its own; the first eight are told apart by anyone.

    Parameters
    ----------
    count : int

    Returns
    -------
    list of str
        As ``"#rrggbb"``; the n-th is the same for every count.  From the ninth on they are paler
        rounds of the first eight, and it is the letter in the box that tells them apart.
    """
    base, size = MODULE_COLORS, len(MODULE_COLORS)
    return [_blend(base[n % size], "#ffffff", 1 - 0.62 ** (n // size)) for n in range(count)]


def _blend(start: str, end: str, share: float) -> str:
    """The colour that far on the way from one to another."""
    pairs = zip(to_rgb(start), to_rgb(end), strict=True)
    return to_hex(tuple((1 - share) * a + share * b for a, b in pairs))


@contextmanager
def style() -> Iterator[None]:
    """Figures made inside look alike, whatever the settings of matplotlib on this machine.

    Examples
    --------
    >>> with style():
    ...     figure = Figure()
    """
    with mpl.style.context(RC | SAVE_RC, after_reset=True):
        yield


def save_figure(
    fig: Figure, name: str, table: pd.DataFrame | None = None, folder: str | Path | None = None
) -> list[Path]:
    """Write ``<name>.svg``, ``<name>.png`` and, with a table, ``<name>.csv``.

    The same figure gives the same bytes every time.  A file is there whole or not at all.  Nothing
    is cut: where words or lines reach beyond the figure, the pictures are that much larger.

    Parameters
    ----------
    fig : Figure
    name : str
        Name of the files, without folder and ending.
    table : DataFrame, optional
        The numbers behind the figure; its index is not written.
    folder : str or Path, optional
        Made if need be; by default (or if empty) the repository's ``figures``.

    Returns
    -------
    list of Path
        The files, in the order above.

    Raises
    ------
    ValueError
        If the name holds a folder, or the folder cannot be written.
    """
    require(
        bool(name) and Path(name).name == name,
        f"name={name!r}; allowed is the name of a file, without a folder",
    )
    target = Path(folder).expanduser() if folder else FIGURES
    looks = {
        "svg": {"metadata": {"Creator": "modnets", "Date": None}},
        "png": {"metadata": {"Software": "modnets"}},
    }
    writers: dict[str, Callable[[Path], object]] = {
        end: lambda path, end=end, look=look: fig.savefig(
            path, format=end, bbox_inches=whole(fig), **look
        )
        for end, look in looks.items()
    }
    if table is not None:
        writers["csv"] = lambda path: table.to_csv(path, index=False, lineterminator="\n")
    try:
        target.mkdir(parents=True, exist_ok=True)
        hide_bare_ticks(fig)
        with mpl.rc_context(SAVE_RC | {"savefig.dpi": RC["savefig.dpi"], "savefig.bbox": None}):
            return [_write(target / f"{name}.{end}", write) for end, write in writers.items()]
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"folder={str(target)!r} cannot be written: {reason}") from None


def whole(fig: Figure) -> Bbox | None:
    """The figure and all that reaches beyond it, in inches; None if nothing does."""
    fig.draw_without_rendering()  # the layout, and where everything comes to lie
    page, drawn = fig.bbox_inches, fig.get_tightbbox()
    # What touches the edge counts too: a line has a width, and a letter may lie a pixel aside.
    left, bottom = (min(0.0, edge - PAD) if edge < 0.01 else 0.0 for edge in drawn.min)
    right, top = (
        max(size, edge + PAD) if edge > size - 0.01 else size
        for size, edge in zip(page.max, drawn.max, strict=True)
    )
    box = Bbox.from_extents(left, bottom, right, top)
    return None if box == page else box


def hide_bare_ticks(fig: Figure | SubFigure) -> None:
    """Ticks without labels are not drawn, as those of panels that share their neighbour's axis."""
    for ax in fig.axes:
        for name, axis, sides in (
            ("x", ax.xaxis, ("labelbottom", "labeltop")),
            ("y", ax.yaxis, ("labelleft", "labelright")),
        ):
            shown = axis.get_tick_params()
            if not any(shown.get(side, False) for side in sides):
                ax.tick_params(axis=name, which="both", length=0)


def _write(path: Path, write: Callable[[Path], object]) -> Path:
    """Write under another name first: whoever reads the file finds the old one or the new one."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path
