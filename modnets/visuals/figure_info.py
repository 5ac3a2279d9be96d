"""What a figure's file says that it was made from, and whether that is still so."""

from __future__ import annotations

import contextlib
import hashlib
import html
import json
import re
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modnets.checked import checked
from modnets.errors import require, shown
from modnets.experiments.result_digests import kept_keys
from modnets.experiments.store import Store
from modnets.figure_records import SUFFIX, code_of, located
from modnets.paths import expanded
from modnets.runs_read import summed_up

SUFFIXES = (".svg", ".png", ".csv", SUFFIX)
SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass
class FigureInfo:
    """What a figure was made from.

    Parameters
    ----------
    file : Path
    record : dict
        As :func:`modnets.figure_records.record_of` wrote it.
    changes : list of str
        What has changed since, a line each.
    unknown : list of str
        What cannot be compared here, a line each.
    """

    file: Path
    record: dict[str, Any]
    changes: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def up_to_date(self) -> bool | None:
        """Whether making it again would give the same; None if that cannot be told here."""
        if self.changes:
            return False
        return None if self.unknown else True

    @property
    def verdict(self) -> str:
        """Whether it is up to date, in a line."""
        if self.changes:
            return f"not up to date: {'; '.join(self.changes)}"
        if self.unknown:
            return f"up to date as far as can be told here: {'; '.join(self.unknown)}"
        return "up to date"

    def __str__(self) -> str:
        record, made = self.record, self.record["made_by"]
        clean = {True: "", False: ", with changes", None: ""}[record["git_clean"]]
        facts = [("made by", made["file"] if made else "no notebook or script that is known")]
        facts += [("", f"{name} = {value!r}") for name, value in record["parameters"].items()]
        commit = f", commit {record['git_commit']}{clean}" if record["git_commit"] else ""
        facts += [("modnets", f"{record['modnets']}{commit}")]
        facts += [("runs", of_store(one)) for one in record["stores"]] or [("runs", "none")]
        if record["runs"]:
            facts += [(name, record[name]) for name in ("settings", "results")]
        lines = [f"  {name:<9} {fact}" for name, fact in facts]
        return "\n".join([str(self.file), *lines, f"  {self.verdict}"])


@checked
def figure_info(file: str | Path) -> FigureInfo:
    """What a figure was made from, and whether it is up to date.

    A figure is up to date if the notebook or script that made it, all code of the package that this
    reaches, and the results of its runs are what they were.

    Parameters
    ----------
    file : str or Path
        An SVG, PNG or CSV of :func:`~modnets.save_figure`, or the ``.provenance.json`` beside it.

    Returns
    -------
    FigureInfo
        ``record``, a dict; ``up_to_date``: True, False, or None where it cannot be told; printed,
        all of it.

    Raises
    ------
    ValueError
        If it cannot be read, or carries no provenance.

    Examples
    --------
    >>> print(figure_info("figures/study.svg"))  # doctest: +SKIP
    """
    path = expanded(file, "file")
    record = _record(path)
    hashes = record.pop("files", {})
    info = FigureInfo(path, record)
    folder = path.absolute().parent
    if path.name in hashes and _hash(path) != hashes[path.name]:
        info.changes.append("the file has changed since it was written")
    _compare_code(info, folder)
    for store in record["stores"]:
        _compare_results(info, store, folder)
    return info


def _record(path: Path) -> dict[str, Any]:
    """The record that a file carries, with the hashes of the files where they stand beside it."""
    require(
        path.name.endswith(SUFFIXES),
        f"file={shown(str(path))}; allowed is a figure in {', '.join(SUFFIXES)}",
    )
    name = path.name.removesuffix(SUFFIX) if path.name.endswith(SUFFIX) else path.stem
    beside = path.with_name(f"{name}{SUFFIX}")
    try:
        data = path.read_bytes()
        texts = {".svg": _svg_text, ".png": _png_text}
        text = texts[path.suffix](data) if path.suffix in texts else beside.read_text()
        record = json.loads(text)
        with contextlib.suppress(OSError, ValueError):
            other = json.loads(beside.read_text())
            if path.name in other.get("files", {}):
                record["files"] = other["files"]
        for key in ("figure", "made_by", "parameters", "runs", "stores", "git_commit"):
            require(key in record, "")
        return record
    except OSError as error:
        if path.is_file():  # what stands beside it is missing
            raise _bare(path) from None
        reason = error.strerror or "no file"
        raise ValueError(f"file={shown(str(path))} cannot be read ({reason})") from None
    except (ValueError, TypeError, AttributeError):
        raise _bare(path) from None


def _bare(path: Path) -> ValueError:
    return ValueError(
        f"file={shown(str(path))} carries no provenance; allowed is a figure that mn.save_figure "
        "of version 0.2 or later has written"
    )


def _svg_text(data: bytes) -> str:
    """The description in the metadata of an SVG."""
    found = re.search(rb"<dc:description>(.*?)</dc:description>", data, flags=re.DOTALL)
    return html.unescape(found[1].decode()) if found else ""


def _png_text(data: bytes) -> str:
    """The description among the chunks of a PNG."""
    require(data.startswith(SIGNATURE), "")
    start = len(SIGNATURE)
    while start + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[start : start + 8])
        word, _, text = data[start + 8 : start + 8 + length].partition(b"\0")
        if kind == b"tEXt" and word == b"Description":
            return text.decode("latin-1")
        start += length + 12  # and the checksum
    return ""


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _compare_code(info: FigureInfo, folder: Path) -> None:
    made = info.record["made_by"]
    if made is None:
        info.unknown.append("the notebook or script that made it is not known")
        return
    try:
        now = code_of(located(made["file"], folder))
    except (ValueError, OSError):
        info.unknown.append(f"{made['file']} is not here")
        return
    if now["code"] != made["code"]:
        info.changes.append(f"the code of {made['file']} has changed")
    if now["package"] != made["package"]:
        info.changes.append("code of the package that it reaches has changed")


def _compare_results(info: FigureInfo, store: dict[str, Any], folder: Path) -> None:
    if store["folder"] is None:
        info.unknown.append(f"no store keeps {of_store(store)}")
        return
    path = located(store["folder"], folder)
    if not path.is_dir():
        info.unknown.append(f"the store {store['folder']} is not here")
        return
    keys = kept_keys(path, store["settings"])
    if keys is None:
        info.unknown.append(f"the store {store['folder']} does not say which runs it was made from")
        return
    digests = Store(path).run_digests(keys)
    missing = len(keys) - len(digests)
    if missing:
        info.changes.append(f"{missing:,} of {len(keys):,} runs are not in {store['folder']}")
    elif summed_up(digests.items())["results"] != store["results"]:
        info.changes.append(f"results in {store['folder']} have changed")


def of_store(store: dict[str, Any]) -> str:
    """``"40 runs in results/study"``."""
    runs = f"{store['runs']:,} run{'s' * (store['runs'] != 1)}"
    return f"{runs} in {store['folder']}" if store["folder"] else f"{runs} in memory"
