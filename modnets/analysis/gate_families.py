"""Which gates slots compute, as shares of runs, and how often one gate is learned repeatedly.

From the table of :func:`modnets.analysis.gates`: a row for each slot of each run.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from modnets.analysis.clusters import SEEDS, Clusters
from modnets.analysis.intervals import share_interval
from modnets.analysis.pooling import refuse_pooling
from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import require

#: Families of gates, equal up to negation of the output and order of the inputs; in the order of
#: rows of a figure, from below.
FAMILIES = ("other", "constant", "one input", "A, not B", "OR", "AND", "XOR")

_MEMBERS = {
    "constant": ("FALSE", "TRUE"),
    "one input": ("A", "B", "NOT_A", "NOT_B"),
    "A, not B": ("NIMPLY", "CNIMPLY", "IMPLY", "CIMPLY"),
    "OR": ("OR", "NOR"),
    "AND": ("AND", "NAND"),
    "XOR": ("XOR", "XNOR"),
}
_FAMILY = {gate: family for family, gates in _MEMBERS.items() for gate in gates}

#: Columns that identify a slot of a run.
SLOT = ("run", "task", "level", "slot")


@checked
def gate_family(gate: str) -> str:
    """The family of a gate: the gate up to negation of its output and order of its inputs.

    Parameters
    ----------
    gate : str
        A name from the column ``gate`` of :func:`~modnets.analysis.gates`.

    Returns
    -------
    str
        One of ``FAMILIES``; gates of three inputs and more that are none of XOR, AND, OR are
        ``"other"`` unless they depend on one input only.

    Examples
    --------
    >>> gate_family("NIMPLY"), gate_family("NOR"), gate_family("C"), gate_family("OTHER")
    ('A, not B', 'OR', 'one input', 'other')
    """
    if gate in _FAMILY:
        return _FAMILY[gate]
    return "one input" if len(gate.removeprefix("NOT_")) == 1 else "other"


@checked
def gate_shares(found: pd.DataFrame, by: Sequence[str] = ("kind", "train_rows")) -> pd.DataFrame:
    """For each sub-function, the share of slots matched with it that compute each gate family.

    Parameters
    ----------
    found : DataFrame
        What :func:`~modnets.analysis.gates` returns, with the columns of ``by`` joined to it.
    by : sequence of str
        Columns that make the groups.

    Returns
    -------
    DataFrame
        A row for each group, sub-function (by level and index) and family: the columns of
        ``by``; ``level``; ``node``; ``sub_function``; ``family``, of ``FAMILIES`` those that
        occur; ``n`` runs; ``share``, in [0, 1], with its 95 % interval,
        ``share_low`` and ``share_high``, with regard to the splits that runs share where
        ``found`` has their seeds.  The shares of a sub-function sum to 1, unused slots among them.
    """
    by = list(by)
    require_columns(found, [*by, *SLOT, "gate", "node", "sub_function"])
    require(len(found) > 0, "found is empty; there are no slots")
    refuse_pooling(found, by, name="found")
    slots = found[found["sub_function"].notna()]
    slots = slots.assign(family=slots["gate"].map(gate_family))
    present = [family for family in FAMILIES if (slots["family"] == family).any()]
    keys = [*by, "level", "node", "sub_function"]
    rows = []
    for values, group in slots.groupby(keys, sort=False, observed=True):
        has_seeds = set(SEEDS) <= set(group)
        clusters = Clusters.of(group) if has_seeds else Clusters(len(group))
        for family in present:
            hits = (group["family"] == family).to_numpy()
            low, high = share_interval(hits, clusters)
            row = dict(zip(keys, values, strict=True)) | {"family": family, "n": len(group)}
            rows.append(row | {"share": hits.mean(), "share_low": low, "share_high": high})
    shares = pd.DataFrame(rows)
    order = shares["family"].map(FAMILIES.index)
    shares = shares.assign(order=order).sort_values([*by, "order", "level", "node"])
    columns = [*keys, "family", "n", "share", "share_low", "share_high"]
    return shares[columns].reset_index(drop=True)


@checked
def redundancy(found: pd.DataFrame) -> pd.DataFrame:
    """How many distinct modules have learned a gate that the task needs more than once.

    Parameters
    ----------
    found : DataFrame
        What :func:`~modnets.analysis.gates` returns.

    Returns
    -------
    DataFrame
        A row per run, task and gate that several sub-functions are: ``run``, ``task``, ``gate``
        (its family); ``needed``, sub-functions that are this gate; ``right``, used slots matched
        with them that compute it; ``modules``, distinct modules that fill those slots.
    """
    require_columns(found, [*SLOT, "gate", "module", "used", "sub_function"])
    slots = found[found["sub_function"].notna()]
    wanted = slots["sub_function"].str.split(" ").str[0].map(gate_family)
    right = (slots["gate"].map(gate_family) == wanted) & slots["used"].astype(bool)
    slots = slots.assign(wanted=wanted, right=right, learned_by=slots["module"].where(right))
    rows = slots.groupby(["run", "task", "wanted"], sort=False).agg(
        needed=("slot", "size"), right=("right", "sum"), modules=("learned_by", "nunique")
    )
    rows = rows[rows["needed"] > 1].reset_index()
    return rows.rename(columns={"wanted": "gate"})
