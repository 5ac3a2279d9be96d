"""Where things lie, from the package's place and never from the working folder."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
FIGURES = ROOT / "figures"
NOTEBOOKS = ROOT / "notebooks"
RESULTS = ROOT / "results"
