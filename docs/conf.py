"""The site: ``make docs`` builds it into build/docs; pages that follow from the code are generated.

Nothing is run for it but this file: notebooks are shown as they are stored, figures as committed.
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pages

project = "modnets"
author = "the modnets team"
release = metadata.version("modnets")
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_nb"]
html_theme = "furo"
html_title = "modnets"
exclude_patterns = ["README.md"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings say types with shapes and units
autodoc_default_options = {"members": True, "exclude-members": "set"}  # of matplotlib's artists
suppress_warnings = ["ref.python"]  # short names of types in docstrings may be those of several
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

pages.write()
