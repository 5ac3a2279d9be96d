"""One file out of a store, which reads back equal; files compared with their digests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import modnets as mn
from modnets.analysis.stores import axes_of, compare_results, overview
from modnets.experiments.exports import export, read_export, without_empty
from modnets.experiments.store import Store
from modnets.experiments.verification import verify
from modnets.training.engine import train_chunk

BASE = mn.RunConfig(graph="6-2-2", train_rows=16, epochs=2, eval_every=1)
RUNS = mn.grid(BASE, model=["dense", "shared"], lr=[0.01, 0.1], seed=range(2))


@pytest.fixture(scope="module")
def tables() -> list[pd.DataFrame]:
    """Of each kind of network, as the engine gives it."""
    kinds = [[run for run in RUNS if run.model == model] for model in ("dense", "shared")]
    return [train_chunk(runs, chunk=4).table for runs in kinds]


@pytest.fixture
def results(store: Path, tables: list[pd.DataFrame]) -> Store:
    results = Store(store)
    for table in tables:
        results.write(table, {"machine": "here"})
    return results


def odd(table: pd.DataFrame) -> pd.DataFrame:
    """With values that are easily lost."""
    table = table.copy()
    table.loc[:3, "options"] = ["", 'a "b", c', "d\ne", None]
    third = np.linspace(0, 1, len(table)) / 3
    third[:4] = [np.nan, np.inf, -0.0, 5e-324]
    truth = [True, None, False] * len(table)
    return table.assign(third=third, truth=truth[: len(table)], nothing=None, large=2**62 + 1)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_reads_back_equal(results: Store, tmp_path: Path, suffix: str) -> None:
    for number, table in enumerate((results.table(), odd(results.table()))):
        path = tmp_path / "made" / f"{number}{suffix}"
        assert export(table, path) == [path, path.with_name(f"{number}.columns.csv")]
        for found in (read_export(path), mn.load(path)):
            pd.testing.assert_frame_equal(found, table, check_exact=True)
        assert (np.signbit(found.select_dtypes(float)) == np.signbit(table.select_dtypes(float))
                ).all(axis=None)  # fmt: skip
        assert len(list(path.parent.iterdir())) == 2 * (number + 1)


def test_the_dictionary_tells_every_column(results: Store, tmp_path: Path) -> None:
    table = odd(results.table())
    about = pd.read_csv(export(table, tmp_path / "a.csv")[1], keep_default_na=False)
    assert about["column"].tolist() == table.columns.tolist()
    told = about.set_index("column")
    assert told.loc["lr", ["type", "unit", "range"]].tolist() == [
        "float64",
        "per step",
        "at least 0",
    ]
    assert told.loc["train_rows", "type"] == "int64"
    assert told.loc["solved", "type"] == "bool"
    assert told.loc["nothing", "type"] == "none"
    assert "hook" in told.loc["third", "meaning"]
    assert (told["meaning"].str.len() > 5).all()


def test_what_cannot_be_written_or_read_is_one_line(results: Store, tmp_path: Path) -> None:
    table = results.table()
    (tmp_path / "file").touch()
    for path, message in (
        (tmp_path / "a.xlsx", r"allowed is a name in \.csv or \.parquet"),
        (tmp_path / "file" / "a.csv", "cannot be written"),
    ):
        with pytest.raises(ValueError, match=message):
            export(table, path)
    path, beside = export(table, tmp_path / "a.csv")
    path.write_text(path.read_text()[:-200])
    with pytest.raises(ValueError, match="cannot be read"):
        read_export(path)
    beside.unlink()
    with pytest.raises(ValueError, match=r"with its \.columns\.csv beside"):
        read_export(path)


def test_columns_that_hold_nothing_are_left_out_on_request(results: Store) -> None:
    table = results.table()
    short = without_empty(table)
    assert 20 < len(short.columns) < len(table.columns)
    assert short.notna().any().all()
    pd.testing.assert_frame_equal(table[short.columns], short)
    pd.testing.assert_frame_equal(mn.load(results.folder, empty=False), short)


def test_all_files_become_one(results: Store) -> None:
    before, made = results.table(), results.provenance()
    assert len(results.files()) == 2
    results.compact()
    assert len(results.files()) == 2
    results.compact(whole=True)
    assert len(results.files()) == 1
    pd.testing.assert_frame_equal(results.table(), before, check_exact=True)
    assert results.provenance() == made
    results.compact(whole=True)
    assert len(results.files()) == 1


# Digests


def test_files_are_as_they_were_written(results: Store) -> None:
    found = verify(results)
    assert (found.files, found.runs, found.problems, found.unsigned) == (2, 8, [], [])
    assert found.bytes == sum(path.stat().st_size for path in results.files())


def test_what_has_changed_is_named_and_left_alone(results: Store) -> None:
    first, second = results.files()
    data = bytearray(first.read_bytes())
    data[100] ^= 4
    first.write_bytes(data)
    second.write_bytes(second.read_bytes()[:-7])
    results.keep_study("axes: {seed: 0:3}")
    (study,) = results.studies()
    (results.folder / study).write_text("axes: {seed: 0:4}")
    before = {path: path.read_bytes() for path in results.folder.iterdir()}
    found = verify(results)
    assert sorted(problem.partition(":")[0] for problem in found.problems) == sorted(
        [first.name, second.name, study]
    )
    assert any("one bit has flipped" in problem for problem in found.problems)
    assert {path: path.read_bytes() for path in results.folder.iterdir()} == before


def test_files_of_earlier_versions_have_no_digest(results: Store) -> None:
    path = results.files()[0]
    path.rename(path.with_name("runs-0123456789abcdef.parquet"))
    found = verify(results)
    assert (found.runs, found.unsigned, found.problems) == (
        8,
        ["runs-0123456789abcdef.parquet"],
        [],
    )


# Groups, and two stores


def test_an_overview_groups_by_what_varies(results: Store) -> None:
    table = results.table()
    assert axes_of(table) == ["graph", "kind", "train_rows", "lr"]
    groups = overview(table)
    assert groups["runs"].tolist() == [2] * 4
    ends = table[table["epoch"] == 2]
    for row in groups.to_dict("records"):
        part = ends[(ends["kind"] == row["kind"]) & (ends["lr"] == row["lr"])]
        assert row["test_bit_accuracy"] == pytest.approx(part["test_bit_accuracy"].mean())


def test_two_tables_side_by_side(results: Store) -> None:
    table = results.table()
    groups, differences = compare_results(table, table)
    assert differences.empty
    assert groups["runs_left"].tolist() == groups["runs_right"].tolist() == [2] * 4
    dropped = set(table.loc[table["kind"] == "dense", "run"])
    other = table[~table["run"].isin(dropped)].copy()
    changed = other.index[[0, 3]]
    other.loc[changed, "test_loss"] += [0.25, -0.5]
    other.loc[changed[0], "optimizer"] = "sgd"
    groups, differences = compare_results(table, other)
    assert differences.set_index("column")["rows"].to_dict() == {"optimizer": 1, "test_loss": 2}
    assert differences.set_index("column")["largest"]["test_loss"] == pytest.approx(0.5)
    assert groups["runs_right"].isna().sum() == 2
