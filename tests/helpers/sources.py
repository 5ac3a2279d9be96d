"""The rows of committed CSVs that claims are filled from, and the pages that state claims."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from claims import CLAIMS, Source

from modnets.paths import FIGURES, ROOT


@cache
def table(name: str) -> pd.DataFrame:
    """A CSV of ``figures``."""
    found = pd.read_csv(FIGURES / f"{name}.csv", low_memory=False)
    if "ms_per_run_per_1000_steps" in found:
        found["seconds"] = found["ms_per_run_per_1000_steps"] / 1000
    return found


def row(csv: str, wanted: dict[str, Any], total: bool) -> pd.Series:
    """The one row of a CSV that has these values; of several what they agree in, or their sums."""
    found = table(csv)
    for column, value in wanted.items():
        found = found[found[column].isin(value if isinstance(value, tuple) else (value,))]
    assert len(found), f"figures/{csv}.csv has no row with {wanted}"
    if total:
        return found.sum(numeric_only=True)
    return found.iloc[0].where(found.eq(found.iloc[0]).all())


def of(source: Source) -> Any:
    """What a claim may say of a source."""
    if source[0] != "ratio":
        return row(*source)
    _, column, (above, below) = source
    return {"times": float(f"{row(*above)[column] / row(*below)[column]:.2g}")}


@cache
def rows_of(name: str) -> dict[str, Any]:
    """What each source of a claim says, by the name that it has in its words."""
    return {word: of(source) for word, source in CLAIMS[name][1].items()}


def pages() -> list[Path]:
    """The README and the pages of docs."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
