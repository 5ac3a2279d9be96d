"""Writes the numbers of the committed CSVs into the README and docs, where claims state them.

After figures were made anew: ``python tests/helpers/renew.py``.  Words stay as they are; whether
they still fit the numbers, a person has to read.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from string import Formatter
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from claims import CLAIMS
from sources import pages, rows_of

#: A number as claims write it, and what an infinite or missing one reads as.
NUMBER = r"-?[\d.,]*\d|inf|nan"


def renewed(text: str, words: str, rows: dict[str, Any]) -> str:
    """The text with the numbers of a claim as they are now, in the lines as they were."""
    pattern, values = "", []
    for literal, field, spec, _ in Formatter().parse(words):
        spaced = r"\s+".join(map(re.escape, re.split(r"\s+", literal)))
        pattern += spaced.replace(r"\(figures/", r"\((?:generated/)?figures/")
        if field is not None:
            value = f"{{{field}:{spec}}}".format(**rows)
            pattern += f"({NUMBER})" + r"\s%" * value.endswith("%")
            values.append(value.removesuffix("%"))

    def with_values(match: re.Match[str]) -> str:
        ends = [match.start(), *(end for n in range(len(values)) for end in match.span(n + 1))]
        kept = [text[a:b] for a, b in zip([*ends[::2]], [*ends[1::2], match.end()], strict=True)]
        return kept[0] + "".join(v + k for v, k in zip(values, kept[1:], strict=True))

    return re.sub(pattern, with_values, text)


def main() -> None:
    """Renew all pages; say which claims are on none."""
    for page in pages():
        before = text = page.read_text()
        for name, (words, _) in CLAIMS.items():
            text = renewed(text, words, rows_of(name))
        if text != before:
            page.write_text(text)
            print(f"{page}: renewed")


if __name__ == "__main__":
    main()
