"""Whether all files of a store are what was written: their digests, and the runs in them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pyarrow.compute as pc

from modnets.experiments import result_digests, store_files, study_files
from modnets.experiments.columns import decoded
from modnets.experiments.store import Store
from modnets.experiments.store_files import Damaged, StoreError


@dataclass
class Verified:
    """What was found in a store.

    Parameters
    ----------
    files, runs : int
        Result files that are as they were written, and runs in them.
    bytes : int
        Of all result files.
    unsigned : list of str
        Files of earlier versions, without a digest: they could be decoded.
    problems : list of str
        A line for each file that is not what was written, or cannot be read.
    """

    files: int = 0
    runs: int = 0
    bytes: int = 0
    unsigned: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def verify(store: Store) -> Verified:
    """Compare every file of a store with the digest in its name; nothing is changed."""
    found, runs = Verified(), Counter[str]()
    for path in store.files():
        try:
            content = store_files.read(path)
            found.bytes += len(content.data)
            table = decoded(content)
        except FileNotFoundError:  # merged with others meanwhile
            continue
        except (Damaged, StoreError) as error:
            found.problems.append(f"{path.name}: {error}")
            continue
        if content.mended:
            found.problems.append(f"{path.name}: one bit has flipped; the next sweep puts it right")
        if not content.checked:
            found.unsigned.append(path.name)
        found.files += 1
        runs.update(pc.unique(table["run"]).to_pylist())
        ends = table.filter(pc.is_valid(table["config"]))["run"]
        lacking = len(pc.unique(table["run"])) - len(pc.unique(ends))
        if lacking:
            found.problems.append(f"{path.name}: {lacking} runs without their last row")
    found.runs = len(runs)
    names = store_files.names_in(store.folder)
    found.problems += [
        f"{name}: set aside by a sweep as damaged" for name in sorted(names) if ".damaged" in name
    ]
    kept = study_files.read(store.folder)
    changed = [
        name
        for name in sorted(names)
        if name.startswith("study-") and name.endswith(".yaml") and name not in kept
    ]
    changed += result_digests.changed_lists(store.folder)
    found.problems += [f"{name}: its content has changed since it was written" for name in changed]
    return found
