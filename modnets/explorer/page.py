"""What makes one page of the explorer's widgets, in the browser.

Keys that are pressed inside stay inside, where JupyterLab would take ``d d`` for "delete the cell";
everything that can be used has a name and a meaning on hover, which ipywidgets leaves out; how far
training is comes to screen readers; and once the kernel is gone a line says what to do.
"""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

HERE = Path(__file__).parent

#: Shown where the explorer stands in a saved notebook, but no kernel knows it any more; the style
#: sheet of a live one hides it.
HINT = (
    '<div class="mn-hint">The explorer lives as long as its kernel. If it is not to be seen here, '
    "run this cell again: runs that were stored are found again.</div>"
)


class Page(anywidget.AnyWidget):
    """The line for a kernel that is gone, and what stands for all widgets together."""

    _esm = HERE / "page.js"
    #: The last tiding, for screen readers.
    announcement = traitlets.Unicode("").tag(sync=True)
    #: How much is trained, in [0, 1].
    share = traitlets.Float(0.0).tag(sync=True)
    #: Label of a control -> what it means.
    meanings = traitlets.Dict().tag(sync=True)
