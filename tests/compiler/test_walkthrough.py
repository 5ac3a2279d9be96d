"""The compiler's README: its code runs, and prints what stands below it."""

from __future__ import annotations

import contextlib
import io
import os
import re
from typing import Any

from lanes import needs_compiler

from modnets.paths import PACKAGE

README = PACKAGE / "compiler" / "README.md"
#: A block of code, and the block of its output.
PAIR = re.compile(r"(```python\n(.*?)```\n\n```(?:text|cpp)\n)(.*?)```", re.DOTALL)


def executed(text: str) -> str:
    """The text with what its code prints now."""
    namespace: dict[str, Any] = {}

    def run(pair: re.Match[str]) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(pair[2], namespace)
        return f"{pair[1]}{printed.getvalue()}```"

    return PAIR.sub(run, text)


@needs_compiler
def test_the_readme_shows_what_its_code_prints() -> None:
    text = README.read_text()
    assert len(PAIR.findall(text)) == text.count("```python")
    now = executed(text)
    if os.environ.get("UPDATE"):  # UPDATE=1 pytest tests/compiler/test_walkthrough.py
        README.write_text(now)
    assert README.read_text() == now


def test_the_readme_names_every_module() -> None:
    text = README.read_text()
    names = {path.stem for path in README.parent.glob("*.py")} - {"__init__"}
    assert names == {name for name in names if f"`{name}`" in text}
