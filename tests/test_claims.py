"""Every number in the README and in docs comes from a committed CSV, which fills a claim's words.

A number that no claim fills, and that is no name, is an error, so nothing can be stated beside it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pandas as pd
import pytest
from claims import CLAIMS, NAMES, Source

from modnets.paths import FIGURES, ROOT


@cache
def table(name: str) -> pd.DataFrame:
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


def filled(name: str) -> str:
    """The words of a claim, with the numbers of its CSV."""
    words, sources = CLAIMS[name]
    rows = {name: of(source) for name, source in sources.items()}
    # As it is written: a space before the percent sign.
    return plain(re.sub(r"(\d)%", r"\1 %", words.format(**rows)))


def plain(text: str) -> str:
    return " ".join(text.split())


def prose() -> str:
    """The README and the pages of docs without their code."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    text = "\n".join(page.read_text() for page in pages).replace("(generated/", "(")
    return plain(re.sub(r"```.*?```|`[^`]*`", " ", text, flags=re.DOTALL))


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_says_what_its_csv_does(name: str) -> None:
    assert filled(name) in prose()


def test_no_number_stands_without_a_claim() -> None:
    text = prose()
    for claim in CLAIMS:
        text = text.replace(filled(claim), " ")
    for name in NAMES:
        text = re.sub(name, " ", text)
    rest = [text[max(0, m.start() - 30) : m.end() + 30] for m in re.finditer(r"\d[\d.,]*", text)]
    assert rest == []
