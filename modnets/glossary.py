"""``mn.explain``: what settings, columns, flags and terms mean, from the tables of each."""

from __future__ import annotations

import dataclasses
import difflib
import textwrap
from functools import cache

from modnets.checked import checked
from modnets.commands.benchmark import benchmark_parser
from modnets.commands.figure import figure_parser
from modnets.commands.flags import FLAGS
from modnets.commands.notebook import notebook_parser
from modnets.commands.parser import Parser
from modnets.commands.report import report_parser
from modnets.commands.results import results_parser
from modnets.commands.sweep import sweep_parser
from modnets.config.setting_docs import setting_doc
from modnets.config.validation import SETTING_TYPES
from modnets.errors import shown
from modnets.lazy import near_names, public
from modnets.terms import (
    ENDINGS,
    INSIDE,
    OF_SETTINGS,
    OTHER_COLUMNS,
    RESULT_COLUMNS,
    TERMS,
    Definition,
)
from modnets.training.inspection import INSPECTED

RESULTS = "a column of results (mn.sweep, mn.load)"
KINDS = {
    "setting": "Settings of RunConfig",
    "column": "Columns of tables",
    "term": "Terms",
    "flag": "Flags of the command line",
}


@dataclasses.dataclass
class Entry:
    """What a word means.

    Parameters
    ----------
    word : str
    kinds : list of str
        Of KINDS: a word may be a setting and a term.
    texts : list of str
        A meaning for each kind.
    type, unit, range, default : str
        Empty where there is none.
    sources : list of str
        Where it is given, or comes from.
    see_also : list of str
        Words, or public names such as ``"mn.analysis.gates"``.
    """

    word: str
    kinds: list[str] = dataclasses.field(default_factory=list)
    texts: list[str] = dataclasses.field(default_factory=list)
    type: str = ""
    unit: str = ""
    range: str = ""
    default: str = ""
    sources: list[str] = dataclasses.field(default_factory=list)
    see_also: list[str] = dataclasses.field(default_factory=list)

    def add(self, kind: str, about: Definition, source: str = "") -> None:
        """Add a meaning."""
        self.kinds += [kind] * (kind not in self.kinds)
        self.texts.append(about.text)
        self.unit, self.range = self.unit or about.unit, self.range or about.range
        self.sources += [source] * (bool(source) and source not in self.sources)
        self.see_also += [word for word in about.see_also if word not in self.see_also]

    @property
    def kind(self) -> str:
        """Its kinds in words."""
        return ", ".join(self.kinds)

    @property
    def text(self) -> str:
        """All its meanings."""
        return "; ".join(self.texts)

    def __str__(self) -> str:
        facts = {"type": self.type, "unit": self.unit, "allowed": self.range}
        if "setting" not in self.kinds:
            facts["range"] = facts.pop("allowed")
        facts |= {"default": self.default, "from": "; ".join(self.sources)}
        facts["see also"] = ", ".join(self.see_also)
        lines = [f"{self.word} ({self.kind})"]
        for text in self.texts:
            lines += textwrap.wrap(text, 96, initial_indent="    ", subsequent_indent="    ")
        for name, text in facts.items():
            if text:
                lines += textwrap.wrap(
                    f"{name}: {text}", 96, initial_indent="    ", subsequent_indent=" " * 8
                )
        return "\n".join(lines)


def _glossary() -> dict[str, Entry]:
    """Every word with its entry."""
    entries: dict[str, Entry] = {}

    def add(word: str, kind: str, about: Definition, source: str = "") -> None:
        entries.setdefault(word, Entry(word)).add(kind, about, source)

    for name in SETTING_TYPES:
        doc = setting_doc(name)
        about = Definition(doc.meaning, doc.unit, doc.allowed, OF_SETTINGS.get(name, ()))
        add(name, "setting", about, f"RunConfig({name}=...)")
        entries[name].type, entries[name].default = doc.type, doc.default
        if name != "train_fraction":
            entries[name].sources.append(RESULTS)
    for name, about in RESULT_COLUMNS.items():
        add(name, "column", about, RESULTS)
    for name, text in INSPECTED.items():
        interval, related = INSIDE[name]
        add(name, "column", Definition(text, "", interval, related), RESULTS)
    for name, about in TERMS.items():
        add(name, "term", about)
    entries["run"].add("column", Definition("as a column: its key"), RESULTS)
    for name, (function, about) in OTHER_COLUMNS.items():
        text = f"as a column: {about.text}" if name in entries else about.text
        about = about._replace(text=text, see_also=(*about.see_also, function))
        add(name, "column", about, f"a column of {function}")
    for flags in FLAGS.values():
        for flag in flags:
            for name in flag.names.split():
                related = (flag.setting,) if flag.setting else ()
                text = flag.help.replace("%%", "%")
                add(name, "flag", Definition(text, see_also=related), "modnets train")
                if flag.setting:
                    entries[flag.setting].sources.append(f"modnets train {name}")
    parsers = {
        "benchmark": benchmark_parser(),
        "figure": figure_parser(),
        "notebook": notebook_parser(),
        "report": report_parser(),
        "results": results_parser(),
        "sweep": sweep_parser(),
    }
    for command, parser in parsers.items():
        for name, text in _flags_of(parser).items():
            add(name, "flag", Definition(f"modnets {command}: {text}"), f"modnets {command}")
    return entries


def _flags_of(parser: Parser) -> dict[str, str]:
    """Flags of a parser and their help; argparse has no public way to them."""
    actions = parser._option_string_actions.items()
    long = {name: action for name, action in actions if name.startswith("--") and name != "--help"}
    return {name: (action.help or "").replace("%%", "%") for name, action in long.items()}


#: Every word that ``mn.explain`` knows -> its entry.
GLOSSARY: dict[str, Entry] = _glossary()


@checked
def explain(word: str | None = None) -> None:
    """Print what a word means: a setting, a column of a table, a flag, or a term.

    Parameters
    ----------
    word : str, optional
        As ``"arity"``, ``"--topk"``, ``"clarity"``, ``"version space"``, or a public name as
        ``"plot.heatmap"``; by default all words are listed.

    Raises
    ------
    ValueError
        If the word is not known, with the nearest ones.

    Examples
    --------
    >>> explain("level")
    level (term, column)
        a row of slots of a modular network, or of sub-functions of a graph; level 1 reads inputs
        as a column: level of the slot or sub-function, 1 is the first
        from: a column of mn.analysis.gates
        see also: slot, sub-function, mn.analysis.gates
    """
    if word is None:
        print(_listed())
        return
    print("\n".join(map(str, entries_of(word))) or _of_public_name(word))


def entries_of(word: str) -> list[Entry]:
    """The entries of a word, whatever its case, hyphens and plural; an exact match first."""
    if word.startswith("--") and word in GLOSSARY:
        return [GLOSSARY[word]]
    plain = _plain(word)
    names = _by_plain().get(plain) or _by_plain().get(plain.removesuffix("s")) or []
    entries = [GLOSSARY[name] for name in sorted(names, key=lambda name: name != word)]
    entries = [entry for entry in entries if entry.kinds != ["flag"]] or entries
    for ending, text in ENDINGS.items():
        if not entries and word.endswith(ending) and word.removesuffix(ending) in GLOSSARY:
            base = GLOSSARY[word.removesuffix(ending)]
            entry = Entry(word, ["column"], [f"{text} {base.word}"], "", base.unit, base.range)
            entries = [entry, base]
            entry.sources.append("a column of mn.summarize")
    return entries


def hint(name: str) -> str | None:
    """What to do with a word that is no public name: a setting or a column; None for others."""
    entry = GLOSSARY.get(name)
    more = f"see mn.explain({name!r})"
    if entry and "setting" in entry.kinds:
        return f"it is a setting of RunConfig: mn.RunConfig({name}=...); {more}"
    if entry and "column" in entry.kinds:
        source = entry.sources[0] if entry.sources else "a column"
        return f"it is {source}; {more}"
    return None


def _plain(word: str) -> str:
    return word.strip().lower().lstrip("-").replace("-", " ").replace("_", " ")


@cache
def _by_plain() -> dict[str, list[str]]:
    """Words by their lower case, without hyphens and underscores."""
    words: dict[str, list[str]] = {}
    for word in GLOSSARY:
        words.setdefault(_plain(word), []).append(word)
    return words


def _listed() -> str:
    """All words by kind; a word of several kinds stands in the first."""
    blocks = ["mn.explain(word) says more."]
    for kind, heading in KINDS.items():
        words = [word for word, entry in GLOSSARY.items() if entry.kinds[0] == kind]
        text = ", ".join(words)
        blocks.append(
            f"{heading}\n"
            + textwrap.fill(
                text,
                96,
                initial_indent="    ",
                subsequent_indent="    ",
                break_on_hyphens=False,
            )
        )
    return "\n\n".join(blocks)


def _of_public_name(word: str) -> str:
    """What a public name is: the first line of its docstring."""
    name = word.strip().removeprefix("mn.")
    try:
        text = (public(name).__doc__ or "").strip().partition("\n")[0]
    except (AttributeError, KeyError, ModuleNotFoundError, FileNotFoundError):
        names = difflib.get_close_matches(_plain(word), _by_plain(), n=3, cutoff=0.6)
        close = [_by_plain()[name][0] for name in names] or near_names(name.rpartition(".")[2])
        suggestion = f", did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise ValueError(
            f"unknown word {shown(word)}{suggestion}; mn.explain() lists all words"
        ) from None
    return f"mn.{name} (public name)\n    {text}\n    see also: help(mn.{name})"
