"""What a piece of knowledge is worth, against results made by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from modnets.analysis.kinds import by_density, ladder, pieces_of
from modnets.analysis.knowledge import knowledge_savings, steps
from modnets.analysis.rows_needed import sample_complexity
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig

ROWS = (4, 8, 16, 32)
BOTH = ("learned", "known")


def solving(kind: str, solved: list[int], graph: str = "6-3-2-2") -> pd.DataFrame:
    """Results where so many of six runs solve the table at each number of rows."""
    rows = []
    for (n, hits), run in itertools.product(zip(ROWS, solved, strict=True), range(6)):
        row = {"run": f"{graph} {kind} {n} {run}", "graph": graph, "kind": kind, "train_rows": n}
        seeds = {"split_seed": run // 2, "seed": run % 2}
        rows.append(row | seeds | {"epoch": 1, "solved": run < hits})
    return pd.DataFrame(rows)


def found(*results: pd.DataFrame, **settings: object) -> pd.DataFrame:
    table = knowledge_savings(pd.concat(results), resamples=100, **settings)
    return table.set_index(["piece", "context", "kind"])


def every_kind() -> list[str]:
    runs = grid(model=["dense", "modular"], routing=BOTH, outputs=BOTH)
    runs += grid(model="shared", routing=BOTH, selection=BOTH, outputs=BOTH)
    return [*(run.kind for run in runs), "sparse 25 %", "sparse 90 %"]


def test_the_pieces_of_a_kind_are_what_its_config_knows() -> None:
    for run in grid(model=["modular", "shared"], routing=BOTH, selection=BOTH, outputs=BOTH):
        final = run.final
        names = ("routing", "selection", "outputs")
        known = {name for name in names if getattr(final, name) == "known"}
        shape = {"modules"} if run.model == "modular" else {"modules", "sharing"}
        assert pieces_of(run.kind) == known | shape
    assert pieces_of("dense") == pieces_of("sparse") == pieces_of("sparse 75 %") == frozenset()
    assert pieces_of("skip") is None


def test_the_ladder_goes_from_dense_to_everything_known() -> None:
    rungs = ladder([*every_kind(), "skip", "dense"])
    assert len(rungs) == len(every_kind()) + 1
    assert rungs[:4] == ["dense", "sparse 25 %", "sparse 90 %", "modular, learned"]
    assert rungs[6:8] == ["modular, known", "shared, learned"]
    assert rungs[-2:] == ["shared, known", "skip"]
    alike = [f"modular, known: {number}" for number in range(10)]  # as of several interfaces
    assert ladder([*alike[::-1], "dense"]) == ["dense", *alike]


def test_each_density_is_a_kind_of_its_own() -> None:
    runs = grid(RunConfig(), model=["dense", "sparse"], pruning_ratio=[50, 12.5])
    table = pd.DataFrame([run.to_row() for run in runs])
    assert by_density(table)["kind"].tolist() == ["dense", "sparse 50 %", "sparse 12.5 %"]
    assert table["kind"].tolist() == ["dense", "sparse", "sparse"]
    with pytest.raises(ValueError, match=r"missing columns.*pruning_ratio"):
        by_density(table.drop(columns="pruning_ratio"))


def test_a_step_adds_a_piece_and_nothing_else() -> None:
    added = list(steps([*every_kind(), "skip"]))
    assert len(set(added)) == len(added)
    for piece, context, kind in added:
        if piece.startswith("sparsity"):
            assert (context, kind) == ("dense", piece.replace("sparsity", "sparse"))
            continue
        without = pieces_of(context)
        assert pieces_of(kind) - without == set(piece.split(" and "))
        assert without <= pieces_of(kind)
        assert not context.startswith("sparse")
    counts = pd.Series([piece for piece, _, _ in added]).value_counts()
    # Own modules: with and without the other choice; shared ones: four mixes of the other two.
    assert counts["routing"] == counts["outputs"] == 2 + 4
    assert counts["selection"] == counts["sharing"] == counts["sharing and selection"] == 4
    assert counts["outputs and routing"] == 1 + 2
    assert counts["modules"] == counts["sparsity 25 %"] == counts["sparsity 90 %"] == 1


def test_rows_saved_are_those_between_two_curves_made_by_hand() -> None:
    # Half of the runs between 16 and 32 rows, and between 8 and 16: midway in the logarithm.
    table = found(
        solving("modular, known outputs", [0, 0, 0, 6]), solving("modular, known", [0, 0, 6, 6])
    )
    (row,) = table.itertuples()
    assert row.Index == ("routing", "modular, known outputs", "modular, known")
    assert row.rows_without == pytest.approx(2**4.5)
    assert row.rows_with == pytest.approx(2**3.5)
    assert row.saved == row.saved_low == row.saved_high == pytest.approx(2**4.5 - 2**3.5)
    assert row.saved_is == "exact"


@pytest.mark.parametrize(
    ("without", "with_it", "saved", "saved_is"),
    [
        ([0, 0, 0, 2], [0, 0, 6, 6], 32 - 2**3.5, "at least"),  # never reached without it
        ([0, 0, 6, 6], [0, 0, 0, 2], 2**3.5 - 32, "at most"),  # never reached with it
        ([0, 0, 0, 0], [0, 0, 0, 0], np.nan, "unknown"),
        ([0, 0, 6, 6], [6, 6, 6, 6], 2**3.5 - 4, "at least"),  # the fewest rows do
        ([6, 6, 6, 6], [6, 6, 6, 6], np.nan, "unknown"),
    ],
)
def test_what_is_never_reached_is_a_bound_and_never_dropped(
    without: list[int], with_it: list[int], saved: float, saved_is: str
) -> None:
    table = found(solving("dense", without), solving("modular, learned", with_it))
    row = table.loc[("modules", "dense", "modular, learned")]
    assert row["saved"] == pytest.approx(saved, nan_ok=True)
    assert row["saved_is"] == saved_is
    assert np.isnan([row["saved_low"], row["saved_high"]]).all()


def test_it_agrees_with_sample_complexity_where_the_context_is_dense() -> None:
    results = [solving("dense", [0, 1, 4, 6]), solving("sparse 50 %", [0, 3, 5, 6])]
    row = found(*results).loc[("sparsity 50 %", "dense", "sparse 50 %")]
    needed = sample_complexity(pd.concat(results), resamples=100).set_index("kind")
    columns = ["saved", "saved_low", "saved_high", "saved_is"]
    assert row[columns].tolist() == needed.loc["sparse 50 %", columns].tolist()
    assert row["saved_low"] < row["saved"] < row["saved_high"]


def test_equal_curves_save_exactly_nothing_in_every_draw() -> None:
    table = found(
        solving("shared, known", [0, 2, 5, 6]),
        solving("shared, known routing and outputs", [0, 2, 5, 6]),
    )
    (row,) = table.itertuples()
    assert row.Index[0] == "selection"
    assert (row.saved, row.saved_low, row.saved_high) == (0, 0, 0)


def test_each_graph_is_told_by_itself() -> None:
    kinds = {"dense": [0, 0, 0, 6], "modular, learned": [0, 0, 6, 6]}
    results = [solving(kind, solved) for kind, solved in kinds.items()]
    results.append(solving("dense", [0, 0, 6, 6], graph="6-2-2"))
    table = found(*results)
    assert table["graph"].tolist() == ["6-3-2-2"]  # on 6-2-2 there is nothing to compare
    assert knowledge_savings(results[-1], resamples=10).empty


def test_kinds_with_other_seeds_are_still_compared() -> None:
    few = solving("dense", [0, 0, 0, 6])
    few = few[few["split_seed"] == 0]  # some draws hold none of these runs
    row = found(few, solving("modular, learned", [0, 0, 6, 6])).iloc[0]
    assert row["saved_low"] == pytest.approx(row["saved"])
