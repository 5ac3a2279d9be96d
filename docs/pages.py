"""Pages of the site that are generated from the package: modules, settings, columns, figures.

They are written into docs/generated, which git does not keep, so that they cannot drift from the
code.
"""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from modnets.config.run_config import RunConfig
from modnets.experiments.columns import schema
from modnets.paths import FIGURES, NOTEBOOKS, PACKAGE
from modnets.training.inspection import INSPECTED

HERE = Path(__file__).parent
GENERATED = HERE / "generated"

#: Floors of the package, the lowest first: a module imports from those before its own only.
FLOORS = ("compiler", "tasks", "models", "config", "training", "experiments", "benchmarks")
FLOORS += ("analysis", "visuals", "explorer", "commands")


def write() -> None:
    """Write all generated pages anew."""
    shutil.rmtree(GENERATED, ignore_errors=True)
    (GENERATED / "api").mkdir(parents=True)
    (GENERATED / "settings.md").write_text(settings())
    (GENERATED / "columns.md").write_text(columns())
    (GENERATED / "gallery.md").write_text(gallery())
    (GENERATED / "modules.md").write_text(f"# Every module\n\n```text\n{tree()}\n```\n")
    for floor in ("", *FLOORS):
        (GENERATED / "api" / f"{floor or 'ground'}.rst").write_text(api(floor))
    shutil.copytree(FIGURES, GENERATED / "figures")
    shutil.copytree(NOTEBOOKS, GENERATED / "notebooks", ignore=shutil.ignore_patterns(".*", "*.json"))


def modules(floor: str) -> list[Path]:
    """Files of a floor; of the ground those that stand in no folder."""
    paths = PACKAGE.rglob("*.py") if not floor else (PACKAGE / floor).rglob("*.py")
    found = [path for path in paths if path.name not in ("__init__.py", "__main__.py")]
    return sorted(path for path in found if floor or path.parent == PACKAGE)


def first_line(path: Path) -> str:
    """What a module says that it is for."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    return text.split("\n\n")[0].replace("\n", " ")


def tree() -> str:
    """Every folder and module with what it is for, as a tree."""
    lines = []
    for floor in ("", *FLOORS):
        if floor:
            lines += ["", f"{floor}/"]
            lines[-1] += f"  {first_line(PACKAGE / floor / '__init__.py')}"
        for path in modules(floor):
            name = str(path.relative_to(PACKAGE / floor))
            lines.append(f"  {name:34} {first_line(path)}")
    return "\n".join(lines)


def api(floor: str) -> str:
    """The reference of a floor: its modules, with all that they define for others."""
    title = floor or "ground"
    lines = [title, "=" * len(title), ""]
    init = PACKAGE / floor / "__init__.py"
    lines += [first_line(init) if floor else "What every floor uses.", ""]
    for path in modules(floor):
        name = ".".join(("modnets", *path.relative_to(PACKAGE).with_suffix("").parts))
        lines += [name, "-" * len(name), "", f".. automodule:: {name}", ""]
    return "\n".join(lines)


def settings() -> str:
    """Every setting of a run, from the table that ``modnets train --help`` prints too."""
    lines = ["# Settings of a run", "", "Arguments of `mn.RunConfig`, and axes of `mn.grid`.", ""]
    lines += ["| setting | meaning | unit | default |", "|---|---|---|---|"]
    for field in fields(RunConfig):
        meaning, unit = (field.metadata.get(key, "") for key in ("meaning", "unit"))
        default = str(field.default)
        lines.append(f"| `{field.name}` | {_cell(meaning)} | {unit} | `{_cell(default)}` |")
    return "\n".join([*lines, ""])


def columns() -> str:
    """The columns of result tables."""
    names = {field.name for field in fields(RunConfig)}
    lines = ["# Columns of results", "", "A row for each run and evaluated epoch.", ""]
    lines += ["| column | type | what it holds |", "|---|---|---|"]
    for column in schema():
        meaning = INSPECTED.get(column.name, "")
        if column.name in names:
            meaning = "the setting, worked out"
        lines.append(f"| `{column.name}` | {column.type} | {_cell(meaning)} |")
    return "\n".join([*lines, ""])


def gallery() -> str:
    """Every figure with the question of its notebook."""
    lines = ["# Gallery", "", "Each figure is made by one notebook, from real runs."]
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        title = next(_headings(path), path.stem)
        lines += ["", f"## {title}", "", f"[{path.stem}](notebooks/{path.name})", ""]
        if (FIGURES / f"{path.stem}.png").exists():
            lines.append(f"[![{path.stem}](figures/{path.stem}.png)](notebooks/{path.name})")
    return "\n".join([*lines, ""])


def _headings(path: Path) -> Iterator[str]:
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] == "markdown":
            for line in "".join(cell["source"]).splitlines():
                if line.startswith("# "):
                    yield line.removeprefix("# ")


def _cell(text: str) -> str:
    """Text that fits a cell of a table."""
    return text.replace("|", "\\|")


