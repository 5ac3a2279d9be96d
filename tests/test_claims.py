"""Every number in the README and in docs comes from a committed CSV, which fills a claim's words.

A number that no claim fills, and that is no name, is an error, so nothing can be stated beside it.
"""

from __future__ import annotations

import re

import pytest
from claims import CLAIMS, NAMES
from renew import renewed
from sources import pages, rows_of


def filled(name: str) -> str:
    """The words of a claim, with the numbers of its CSV."""
    words, _ = CLAIMS[name]
    # As it is written: a space before the percent sign.
    return plain(re.sub(r"(\d)%", r"\1 %", words.format(**rows_of(name))))


def plain(text: str) -> str:
    return " ".join(text.split())


def prose() -> str:
    """The README and the pages of docs without their code."""
    text = "\n".join(page.read_text() for page in pages()).replace("(generated/", "(")
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


def test_numbers_are_renewed_where_they_stand_and_nothing_else_is() -> None:
    words = "[a](figures/a.png) takes {a[s]:,.1f} s, {b[share]:.0%} of\n{c[n]:.0f} runs"
    rows = {"a": {"s": 1234.56}, "b": {"share": 0.5}, "c": {"n": 24}}
    old = "1 run, 7 %\n[a](generated/figures/a.png) takes\n9.9 s, inf % of 36 runs.  36 runs"
    new = "1 run, 7 %\n[a](generated/figures/a.png) takes\n1,234.6 s, 50 % of 24 runs.  36 runs"
    assert renewed(old, words, rows) == renewed(new, words, rows) == new
    assert renewed("takes 9.9 s, 7 % of 36 tables", words, rows) == "takes 9.9 s, 7 % of 36 tables"


def test_pages_need_no_renewal() -> None:
    for page in pages():
        text = page.read_text()
        for name, (words, _) in CLAIMS.items():
            assert renewed(text, words, rows_of(name)) == text
