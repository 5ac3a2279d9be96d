"""Pages of the site that are generated from the package: modules, settings, columns, figures.

They are written into docs/generated, which git does not keep, so that they cannot drift from the
code.
"""

from __future__ import annotations

import ast
import inspect
import json
import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from modnets.config.run_config import RunConfig
from modnets.config.setting_docs import setting_doc
from modnets.experiments.columns import schema
from modnets.glossary import GLOSSARY, KINDS
from modnets.lazy import NAMESPACES, exports, public, shown_as
from modnets.paths import FIGURES, NOTEBOOKS, PACKAGE

HERE = Path(__file__).parent
GENERATED = HERE / "generated"

#: Floors of the package, the lowest first: a module imports from those before its own only.
FLOORS = ("compiler", "tasks", "models", "config", "training", "experiments", "benchmarks")
FLOORS += ("analysis", "discovery", "visuals", "reports", "explorer", "fork_server", "commands")


def write() -> None:
    """Write all generated pages anew."""
    shutil.rmtree(GENERATED, ignore_errors=True)
    (GENERATED / "api").mkdir(parents=True)
    (GENERATED / "settings.md").write_text(settings())
    (GENERATED / "columns.md").write_text(columns())
    (GENERATED / "glossary.md").write_text(glossary())
    (GENERATED / "public.md").write_text(public_names())
    (GENERATED / "gallery.md").write_text(gallery())
    (GENERATED / "modules.md").write_text(f"# Every module\n\n```text\n{tree()}\n```\n")
    for floor in ("", *FLOORS):
        (GENERATED / "api" / f"{floor or 'ground'}.rst").write_text(api(floor))
    shutil.copytree(FIGURES, GENERATED / "figures")
    shutil.copytree(
        NOTEBOOKS, GENERATED / "notebooks", ignore=shutil.ignore_patterns(".*", "*.json")
    )


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


def public_names() -> str:
    """Every public name, by namespace, with what it is."""
    lines = ["# Public names", "", "`import modnets as mn`; everything is imported on first use."]
    for space in NAMESPACES:
        lines += ["", f"## {shown_as(space)}", "", "| name | what it is |", "|---|---|"]
        for name, (module, inner) in exports(space).items():
            value = public(f"{space}.{name}".removeprefix("modnets."))
            text = (inspect.getdoc(value) or "").partition("\n")[0]
            is_code = inspect.isroutine(value) or inspect.isclass(value)
            if is_code:
                link = f"{{py:obj}}`{name} <{module}.{inner}>`"
            else:
                link, text = f"`{name}`", text if inspect.ismodule(value) else f"see `{module}`"
            lines.append(f"| {link} | {_cell(text)} |")
    return "\n".join([*lines, ""])


def settings() -> str:
    """Every setting of a run, from the table that ``modnets train --help`` prints too."""
    lines = ["# Settings of a run", "", "Arguments of `mn.RunConfig`, and axes of `mn.grid`.", ""]
    lines += [
        "| setting | meaning | type | unit | allowed | default |",
        "|---|---|---|---|---|---|",
    ]
    for field in fields(RunConfig):
        doc = setting_doc(field.name)
        cells = (doc.meaning, doc.type, doc.unit, doc.allowed, doc.default)
        lines.append(f"| `{doc.name}` | {' | '.join(map(_cell, cells))} |")
    return "\n".join([*lines, ""])


def columns() -> str:
    """The columns of result tables."""
    lines = ["# Columns of results", "", "A row for each run and evaluated epoch.", ""]
    lines += ["| column | type | what it holds | unit | range |", "|---|---|---|---|---|"]
    for column in schema():
        entry = GLOSSARY[column.name]
        cells = (str(column.type), entry.text, entry.unit, entry.range)
        lines.append(f"| `{column.name}` | {' | '.join(map(_cell, cells))} |")
    return "\n".join([*lines, ""])


def glossary() -> str:
    """Every word that ``mn.explain`` knows."""
    lines = ["# Glossary", "", "What `mn.explain(word)` prints."]
    for kind, title in KINDS.items():
        entries = [entry for entry in GLOSSARY.values() if entry.kinds[0] == kind]
        lines += ["", f"## {title}", ""]
        for entry in sorted(entries, key=lambda entry: entry.word.lower()):
            lines += [f"`{entry.word}`", f": {entry.text}", ""]
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
