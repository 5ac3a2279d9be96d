"""The style of all figures: a colour per kind of network, and how a figure is saved.

Colours are those of Okabe and Ito, "Color Universal Design" (2008), safe for the common kinds of
colour blindness.  Monolithic networks are grey, own modules blue, shared ones orange; known choices
are drawn solid and learned ones dashed, here as in the diagrams.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.style
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.typing import LineStyleType

from modnets.checked import checked
from modnets.config.pretraining import without_reuse
from modnets.errors import require
from modnets.paths import FIGURES, expanded
from modnets.visuals.figure_bounds import hide_bare_ticks, laid_out

#: Text width of a page, in inches, for which figures are drawn.
PAGE_WIDTH = 7.0

#: Line styles of known and of learned choices.
KNOWN: LineStyleType = "-"
LEARNED: LineStyleType = (0, (3.2, 1.6))
INK, PALE, DARK = "#333333", "#d9d9d9", "#454545"
#: Colours of weights and logits by sign; no module has these.
POSITIVE, NEGATIVE = "#0072b2", "#d55e00"
#: Colours of learned edges: of the true graph, or not.
TRUE_EDGE, FALSE_EDGE = "#00805d", "#c23b8e"

#: Colormap of weights and logits, zero white.
SIGNED = LinearSegmentedColormap.from_list("signed", [NEGATIVE, "#ffffff", POSITIVE])

#: Colormap of the matrix of a known choice: 0 white, 1 grey.
CHOSEN = LinearSegmentedColormap.from_list("chosen", ["#ffffff", "#ffffff", "#c4c4c4"])

#: Colormap of pixels: 0 white, 1 dark.
PIXELS = LinearSegmentedColormap.from_list("pixels", ["#ffffff", INK])

#: Fill colours of modules: light enough for black letters, distinct from the colours of signs and
#: of kinds of networks.
MODULE_COLORS = (
    "#f0e442",  # yellow
    "#a39bc9",  # violet
    "#63dc98",  # green
    "#df9fba",  # rose
    "#8ea970",  # olive
    "#e4c6ec",  # lilac
    "#9fdfb9",  # mint
    "#45b84a",  # grass
)

RC: dict[Any, Any] = {
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
#: Path effect of text on top of lines.
HALO = (withStroke(linewidth=2.0, foreground="white"),)
SAVE_RC: dict[Any, Any] = {"svg.fonttype": "path", "svg.hashsalt": "modnets"}


@dataclass(frozen=True)
class KindStyle:
    """How one kind of network is drawn in all figures.

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
    linestyle: LineStyleType
    marker: str

    @property
    def line(self) -> dict[str, Any]:
        """Keywords for ``ax.plot``."""
        names = ("color", "label", "linestyle", "marker")
        return {name: getattr(self, name) for name in names}


#: Styles of the kinds of the paper, in the order of legends.
KINDS = {
    "dense": KindStyle("#222222", "dense", KNOWN, "o"),
    "sparse": KindStyle("#8c8c8c", "sparse", KNOWN, "D"),
    "modular, learned": KindStyle("#56b4e9", "modular, learned", LEARNED, "s"),
    "modular, known": KindStyle("#0072b2", "modular, known", KNOWN, "s"),
    "shared, learned": KindStyle("#e69f00", "shared, learned", LEARNED, "^"),
    "shared, known": KindStyle("#d55e00", "shared, known", KNOWN, "^"),
}
#: Styles of classifiers that are no networks.
CLASSIFIERS = {
    "decision tree": KindStyle("#009e73", "decision tree", KNOWN, "v"),
    "gradient boosting": KindStyle("#cc79a7", "gradient boosting", KNOWN, "P"),
    "logistic regression": KindStyle("#7a5195", "logistic regression", KNOWN, "X"),
}
MIXES = (
    "routing",
    "selection",
    "outputs",
    "routing and selection",
    "routing and outputs",
    "selection and outputs",
)
#: Colours of learned choices by their routing method; the published one has that of the kind.
METHODS = {
    "best": "#009e73",
    "gibbs": "#cc79a7",
    "given": "#44aa99",
    "mixtures": "#332288",
    "sets": "#8a6d00",
    "information": "#cc3377",
}
OTHERS = ("#009e73", "#cc79a7", "#7a5195", "#8a6d00", "#117733", "#aa4466")
MARKERS = ("v", "P", "X", "*", "<", ">")


@checked
def kind_style(kind: str) -> KindStyle:
    """The style of a kind of network.

    Parameters
    ----------
    kind : str
        As in ``RunConfig.kind``.  Partly known choices, such as ``"shared, known selection"``, get
        a colour between learned and known of the model; a sparse network, such as ``"sparse 75
        %"``, is the paler the more weights are masked; what is learned by another routing method,
        as ``"shared, learned (best)"``, has a colour of that; what starts from another run, or is
        frozen, that of its kind without; any other name, such as that of a
        user-defined model, gets a colour and marker from a hash of it, the same in every session.

    Returns
    -------
    KindStyle
    """
    if kind in KINDS or kind in CLASSIFIERS:
        return (KINDS | CLASSIFIERS)[kind]
    if without_reuse(kind) != kind:
        return replace(kind_style(without_reuse(kind)), label=kind)
    published, _, method = kind.removesuffix(")").partition(" (")
    if published != kind and method in METHODS:
        base = kind_style(published)
        return replace(base, color=_blend(METHODS[method], base.color, 0.25), label=kind)
    model, _, known = kind.partition(", known ")
    if f"{model}, known" in KINDS and known in MIXES:
        index = MIXES.index(known)
        ends = KINDS[f"{model}, learned"].color, KINDS[f"{model}, known"].color
        return KindStyle(_blend(*ends, (index + 1) / 7), kind, "-.", MARKERS[index])
    density = re.fullmatch(r"sparse ([\d.]+) %", kind)
    if density:
        masked = float(density[1]) / 100
        return replace(KINDS["sparse"], color=_blend("#606060", "#c0c0c0", masked), label=kind)
    digest = hashlib.sha256(kind.encode()).digest()
    color, marker = OTHERS[digest[0] % len(OTHERS)], MARKERS[digest[1] % len(MARKERS)]
    return KindStyle(color, kind, LEARNED if kind.endswith(", learned") else KNOWN, marker)


@checked(count=(0, 10_000))
def module_colors(count: int) -> list[str]:
    """Distinct fill colours for modules; the first eight are distinguishable by colour alone.

    Parameters
    ----------
    count : int

    Returns
    -------
    list of str
        As ``"#rrggbb"``; the n-th is the same for every count.  From the ninth on they are paler
        versions of the first eight, distinguished by the letter in the box.
    """
    base, size = MODULE_COLORS, len(MODULE_COLORS)
    return [_blend(base[n % size], "#ffffff", 1 - 0.62 ** (n // size)) for n in range(count)]


def _blend(start: str, end: str, share: float) -> str:
    """Linear interpolation between two colours."""
    pairs = zip(to_rgb(start), to_rgb(end), strict=True)
    red, green, blue = ((1 - share) * a + share * b for a, b in pairs)
    return to_hex((red, green, blue))


@contextmanager
def style() -> Iterator[None]:
    """Context in which figures have this style, whatever the local settings of matplotlib.

    Examples
    --------
    >>> with style():
    ...     figure = Figure()
    """
    with mpl.style.context(RC | SAVE_RC, after_reset=True):
        yield


@checked
def save_figure(
    fig: Figure, name: str, table: pd.DataFrame | None = None, folder: str | Path | None = None
) -> list[Path]:
    """Write ``<name>.svg``, ``<name>.png`` and, with a table, ``<name>.csv``.

    Beside them ``<name>.provenance.json`` says what the figure was made from: version and commit,
    the notebook with its parameters, hashes of the settings and results of the runs that were read,
    and of the files; both pictures carry the same, without the last.  ``modnets figure info FILE``
    prints it and says whether the figure is up to date.

    The same figure of the same results, made by the same code, gives the same bytes every time.
    Files are written atomically.  Nothing is cropped: where artists reach beyond the figure, the
    pictures are that much larger.

    Parameters
    ----------
    fig : Figure
    name : str
        Name of the files, without folder and suffix.
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
    from modnets import figure_records  # finding the notebook takes more than drawing does

    target = expanded(folder, "folder") if folder else FIGURES
    record = figure_records.record_of(name, target)
    about = figure_records.as_text(record)
    metadata: dict[str, dict[str, str | None]] = {
        "svg": {"Creator": "modnets", "Date": None, "Description": about},
        "png": {"Software": "modnets", "Description": about},
    }

    def write_picture(path: Path, suffix: str) -> None:
        fig.savefig(path, format=suffix, bbox_inches=bounds, metadata=metadata[suffix])

    writers: dict[str, Callable[[Path], object]] = {
        suffix: partial(write_picture, suffix=suffix) for suffix in metadata
    }
    if table is not None:
        writers["csv"] = partial(table.to_csv, index=False, lineterminator="\n")
    try:
        target.mkdir(parents=True, exist_ok=True)
        hide_bare_ticks(fig)
        dpi = RC["savefig.dpi"]
        with (
            mpl.rc_context(SAVE_RC | {"savefig.dpi": dpi, "savefig.bbox": None}),
            laid_out(fig, dpi) as bounds,
        ):
            files = [_write(target / f"{name}.{end}", write) for end, write in writers.items()]
        text = figure_records.beside(record, files)
        beside = target / f"{name}{figure_records.SUFFIX}"
        return [*files, _write(beside, lambda path: path.write_text(text, encoding="utf-8"))]
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"folder={str(target)!r} cannot be written: {reason}") from None


def _write(path: Path, write: Callable[[Path], object]) -> Path:
    """Write atomically: to a temporary file that then replaces the old one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
