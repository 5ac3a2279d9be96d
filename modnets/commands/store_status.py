"""What a store holds, in lines: runs, studies, failures, how it was made."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from modnets.amounts import in_bytes, in_time
from modnets.config.points import tally
from modnets.config.studies import Study
from modnets.config.yaml_text import from_yaml
from modnets.errors import in_a_line, shown
from modnets.experiments.failures import TOLD
from modnets.experiments.store_files import bytes_of

if TYPE_CHECKING:
    from modnets.experiments.store import Store

#: Values of a setting that are told.
VALUES = 8


def status_of(store: Store) -> str:
    """What a store holds."""
    table, failures = store.table(), store.failures()
    sizes = bytes_of(store.files())
    held = set(table["run"])
    failures = {key: one for key, one in failures.items() if key not in held}
    lines = [f"{store.folder}: {len(held):,} runs, {len(table):,} rows, {len(sizes)} files, "
             f"{in_bytes(sum(sizes.values()))}"]  # fmt: skip
    if held:
        from modnets.analysis.statistics import last
        from modnets.analysis.stores import axes_of

        runs = last(table)
        for name in axes_of(runs):
            counts = runs[name].value_counts(dropna=False, sort=False)
            told = [
                f"{'none' if value != value else value} ({count:,})"
                for value, count in [*counts.items()][:VALUES]
            ]
            more = [f"{len(counts) - VALUES} others"] if len(counts) > VALUES else []
            lines.append(f"  {name}: {', '.join(told + more)}")
        lines.append(f"  solved: {int(runs['solved'].sum()):,} of {len(runs):,} runs")
        lines += _made(store)
    for name, text in store.studies().items():
        lines.append(f"  {name}: {_progress(name, text, held, set(failures))}")
    if failures:
        lines.append(f"{len(failures):,} runs failed and are not there:")
        reasons = Counter(one.reason for one in failures.values())
        for reason, count in reasons.most_common(TOLD):
            key, first = next(pair for pair in failures.items() if pair[1].reason == reason)
            lines.append(f"  {count:,} x {first.about} ({key}), {first.finished}: {reason}")
        if len(reasons) > TOLD:
            lines.append(f"  and {len(reasons) - TOLD} other reasons")
    return "\n".join(lines)


def _made(store: Store) -> list[str]:
    """With which versions, on which machines, in which time."""
    chunks = store.provenance()
    versions = Counter(
        f"modnets {one.get('modnets', '?')}, torch {one.get('torch', '?')}, commit "
        f"{str(one.get('git_commit'))[:10]}{'' if one.get('git_clean') else ', not clean'}"
        for one in chunks
    )
    lines = [f"  made by {version} ({count} chunks)" for version, count in versions.most_common(5)]
    machines = Counter(str(one.get("processor", "?")) for one in chunks)
    lines.append(f"  on {', '.join(name for name, _ in machines.most_common(5))}; chunks took "
                 f"{in_time(sum(one.get('duration_s', 0) for one in chunks))} in all")  # fmt: skip
    return lines


def _progress(name: str, text: str, held: set[str], failed: set[str]) -> str:
    """How much of a study is done."""
    try:
        found = tally(Study(from_yaml(text, name), name, text).parts, held, failed)
    except ValueError as error:  # a network of one's own that is not registered here
        return shown(in_a_line(error), 200)
    left = found.n_runs - found.n_done
    return f"{found.n_done:,} of {found.n_runs:,} runs done" + (f", {left:,} left" if left else "")
