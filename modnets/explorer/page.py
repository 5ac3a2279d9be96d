"""Accessibility of the explorer's widgets, in the browser.

Keys that are pressed inside stay inside, where JupyterLab would take ``d d`` for "delete the cell";
every control has a name and a tooltip, which ipywidgets leaves out; the progress of training is
announced to screen readers; and once the kernel is gone a line says what to do.
"""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

HERE = Path(__file__).parent

#: Shown in a saved notebook whose explorer no kernel has any more; the style sheet of a live
#: explorer hides it.
HINT = (
    '<div class="mn-hint">The explorer lives as long as its kernel. If it is not to be seen here, '
    "run this cell again: runs that were stored are found again.</div>"
)


class Page(anywidget.AnyWidget):
    """The notice that the kernel is gone, and what concerns all widgets together."""

    _esm = HERE / "page.js"
    #: The last announcement to screen readers.
    announcement = traitlets.Unicode("").tag(sync=True)
    #: How much is trained, in [0, 1].
    share = traitlets.Float(0.0).tag(sync=True)
    #: Label of a control -> what it means.
    meanings = traitlets.Dict().tag(sync=True)
