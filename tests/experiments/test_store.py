"""The store: whole files or none, damage named, the table as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from modnets.analysis.dynamics import rewiring
from modnets.analysis.structure import gates, probes
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.experiments.store import DETAILS, Store, load, schema
from modnets.training.engine import train_chunk


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    runs = grid(RunConfig(model="shared", train_rows=16, epochs=2, eval_every=1), seed=range(3))
    return train_chunk(runs, chunk=4).table


def test_what_is_written_is_read(store: Path, table: pd.DataFrame) -> None:
    results = Store(store)
    path = results.write(table, {"machine": "here"})
    assert results.keys() == set(table["run"])
    assert [p.name for p in store.iterdir()] == [path.name]  # no partial file is left
    found = results.table()
    assert len(found) == 9
    for column in ("train_loss", "test_bit_accuracy", "solved", "lr_routing", "slots", "kind"):
        wanted = table.sort_values(["run", "epoch"])[column].tolist()
        assert found[column].tolist() == wanted
    assert results.provenance() == [{"machine": "here"}]


def test_table_has_a_column_for_every_setting_and_no_details(
    store: Path, table: pd.DataFrame
) -> None:
    results = Store(store)
    results.write(table, {})
    settings = {f.name for f in fields(RunConfig)} - {"train_fraction"}
    assert settings <= set(results.table().columns)
    assert not {"config", "structure", "predicted"} & set(results.table().columns)
    assert set(schema().names) >= settings


def test_a_row_can_be_replayed_from_its_details(store: Path, table: pd.DataFrame) -> None:
    results = Store(store)
    results.write(table, {})
    details = results.details()
    assert len(details) == 3
    for row in details.itertuples():
        config = RunConfig.from_dict(json.loads(row.config))
        assert config.key == row.run
        again = train_chunk([config], chunk=4).table
        assert again["predicted"].iloc[-1] == row.predicted
        assert json.loads(row.structure)["routing"]


def test_order_of_the_runs_wanted(store: Path, table: pd.DataFrame) -> None:
    results = Store(store)
    results.write(table, {})
    keys = list(dict.fromkeys(table["run"]))[::-1][:2]
    found = results.table(keys)
    assert list(dict.fromkeys(found["run"])) == keys
    assert found["epoch"].tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("damage", [b"", b"PAR1 not really", None])
@pytest.mark.parametrize("name", [None, "runs-0123456789abcdef.parquet"])
def test_a_damaged_file_is_named_and_set_aside(
    store: Path,
    table: pd.DataFrame,
    capsys: pytest.CaptureFixture,
    damage: bytes | None,
    name: str | None,
) -> None:
    results = Store(store)
    path = results.write(table, {})
    path = path.rename(path.with_name(name or path.name))
    path.write_bytes(path.read_bytes()[:-100] if damage is None else damage)
    for read in (results.keys, results.table, results.details, results.provenance):
        assert len(read()) == 0
        said = capsys.readouterr().err
        assert said.startswith(f"modnets: {path.name} is damaged (")
        assert "left out; the next sweep sets it aside" in said
        assert said.count("\n") == 1
    assert list(store.iterdir()) == [path]  # reading changes nothing
    assert results.clean_up() == set()  # as a sweep does first
    said = capsys.readouterr().err
    assert f"{path.name} is damaged" in said
    assert "set aside" in said
    assert said.count("\n") == 1
    assert [p.suffix for p in store.iterdir()] == [".damaged"]
    assert results.table().empty


def test_what_was_set_aside_is_never_overwritten(store: Path, table: pd.DataFrame) -> None:
    results = Store(store)
    for content in (b"one", b"two", b"three"):
        store.mkdir(exist_ok=True)
        (store / "runs-0123456789abcdef.parquet").write_bytes(content)
        results.clean_up()
    assert sorted(path.read_bytes() for path in store.iterdir()) == [b"one", b"three", b"two"]


def test_bytes_in_the_middle_that_changed_are_noticed(store: Path, table: pd.DataFrame) -> None:
    results = Store(store)
    path = results.write(table, {})
    content = bytearray(path.read_bytes())
    content[len(content) // 4 : len(content) // 4 + 64] = bytes(64)
    path.write_bytes(content)
    assert results.keys() == set()


def test_a_store_from_before_some_columns_came_is_read(store: Path, table: pd.DataFrame) -> None:
    results = Store(store)
    path = results.write(table, {"machine": "here"})
    old = pq.read_table(path).drop_columns(["record", "recovered", "edge_f1", "lr_end", "measured"])
    path.unlink()
    pq.write_table(old, path.with_name("runs-0123456789abcdef.parquet"))
    assert results.keys() == set(table["run"])
    found = results.table()
    assert (found["record"] == "end").all()
    assert found["recovered"].isna().all()
    assert found["clarity"].notna().sum() == 3  # this column it has
    empty = *DETAILS, "measured", "start", "flops"
    columns = [n for n in schema().names if n not in empty]
    assert list(found.columns) == columns


def test_a_file_of_something_else_is_set_aside(store: Path, table: pd.DataFrame) -> None:
    results = Store(store)
    path = results.write(table, {})
    pq.write_table(pq.read_table(path).drop_columns(["epoch"]), path)
    assert results.keys() == set()
    results.clean_up()
    assert results.files() == []


def test_what_was_learned_at_every_evaluation(store: Path) -> None:
    base = RunConfig(model="shared", train_rows=16, epochs=2, eval_every=1, record="every")
    recorded = train_chunk(grid(base, seed=range(3)), chunk=4).table
    results = Store(store)
    results.write(recorded, {})
    every, ends = results.details(every=True), results.details()
    assert every.groupby("run")["epoch"].apply(list).tolist() == [[0, 1, 2]] * 3
    assert ends["epoch"].tolist() == [2] * 3
    assert every["config"].notna().all()
    assert every[every["epoch"] == 2]["structure"].tolist() == ends["structure"].tolist()


def test_an_empty_store_has_an_empty_table(store: Path) -> None:
    found = Store(store).table()
    assert found.empty
    assert "test_bit_accuracy" in found.columns


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"store='.*file/results' cannot be written"):
        Store(tmp_path / "file" / "results")


@pytest.mark.parametrize("read", [load, gates, probes, rewiring])
def test_reading_what_is_not_there(read: Callable, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no folder; allowed is one that a sweep has made"):
        read(tmp_path / "nothing")
