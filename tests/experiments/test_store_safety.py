"""Nothing in a store is lost or silently changed: flipped bits, what cannot be read, full disks."""

from __future__ import annotations

import errno
import random
import zlib
from pathlib import Path

import pandas as pd
import pytest

import modnets as mn
from modnets.experiments import store_files
from modnets.experiments.bitflips import mended
from modnets.experiments.store import Store, StoreError, load
from modnets.training.engine import train_chunk

RUNS = mn.grid(mn.RunConfig(graph="6-2-2", train_rows=16, epochs=2, eval_every=1), seed=range(3))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return train_chunk(RUNS, chunk=4).table


@pytest.fixture
def results(store: Path, table: pd.DataFrame) -> Store:
    """A store of one file."""
    results = Store(store)
    results.write(table, {"machine": "here"})
    return results


def flipped(data: bytes, bit: int) -> bytes:
    content = bytearray(data)
    content[bit // 8] ^= 1 << bit % 8
    return bytes(content)


def test_no_flipped_bit_changes_a_value_unnoticed(
    results: Store, capsys: pytest.CaptureFixture
) -> None:
    (path,) = results.files()
    data, whole, details = path.read_bytes(), results.table(), results.details()
    chance = random.Random(0)
    bits = [0, 8 * len(data) - 1, *(chance.randrange(8 * len(data)) for _ in range(30))]
    for bit in bits:
        path.write_bytes(flipped(data, bit))
        assert load(results.folder).equals(whole)
        said = capsys.readouterr().err
        assert said.startswith(f"modnets: {path.name} has one bit that flipped; put right")
        assert said.count("\n") == 1
    assert results.details().equals(details)
    assert results.provenance() == [{"machine": "here"}]
    assert path.read_bytes() == flipped(data, bits[-1])  # reading changes nothing
    assert results.clean_up() == {run.key for run in RUNS}
    assert path.read_bytes() == data


def test_more_than_a_bit_is_damage(results: Store, capsys: pytest.CaptureFixture) -> None:
    (path,) = results.files()
    data = path.read_bytes()
    for places in ((5, 500), (0, 1), (8, 9, 10)):
        content = data
        for bit in places:
            content = flipped(content, bit)
        path.write_bytes(content)
        assert load(results.folder).empty
        assert "its content has changed" in capsys.readouterr().err


def test_flips_in_a_file_of_an_earlier_version_raise_nothing(results: Store) -> None:
    (path,) = results.files()
    data = path.read_bytes()
    path = path.rename(path.with_name("runs-0123456789abcdef.parquet"))
    chance = random.Random(1)
    for _ in range(60):
        path.write_bytes(flipped(data, 8 * len(data) - 1 - chance.randrange(8 * 30_000)))
        load(results.folder), results.details(), results.keys()


def test_a_single_flipped_bit_is_found_wherever_it_is() -> None:
    data = random.Random(0).randbytes(307)
    for bit in range(8 * len(data)):
        assert mended(flipped(data, bit), zlib.crc32(data)) == data
    assert mended(flipped(flipped(data, 3), 700), zlib.crc32(data)) != data


@pytest.mark.parametrize(
    "error",
    [PermissionError(errno.EACCES, "Permission denied"), OSError(errno.EIO, "I/O error")],
)
def test_what_cannot_be_read_just_now_is_no_damage(
    results: Store,
    error: OSError,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    before = results.files()

    def refused(path: Path) -> bytes:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refused)
        reading = (results.keys, results.table, results.details, results.provenance)
        for read in (*reading, lambda: load(results.folder)):
            with pytest.raises(StoreError, match=rf"cannot be read \({error.strerror}\); nothing"):
                read()
        with pytest.raises(StoreError):
            mn.sweep(RUNS, results.folder, progress=False)
        assert str(mn.plan(RUNS, results.folder)) == "3 runs: 0 done, 3 to do"
        said = capsys.readouterr().err
        assert error.strerror in said
        assert said.count("\n") == 1
    assert results.files() == before
    assert results.keys() == {run.key for run in RUNS}


def test_no_memory_is_no_damage(results: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(self: object, *_: object, **__: object) -> None:
        raise MemoryError("malloc of size 99 failed")

    monkeypatch.setattr("pyarrow.parquet.ParquetFile.read", too_large)
    with pytest.raises(StoreError, match="malloc of size 99 failed"):
        results.table()
    assert len(results.files()) == 1


def test_a_file_that_has_just_gone_is_looked_for_again(
    results: Store, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, (path,), read = results.table(), results.files(), store_files.read
    seen = []

    def merged_meanwhile(one: Path) -> store_files.Content:
        if not seen:
            results.write(table, {"machine": "there"})
            path.unlink()
        seen.append(one)
        return read(one)

    monkeypatch.setattr(store_files, "read", merged_meanwhile)
    assert results.table().equals(whole)
    assert len(seen) == 2


def test_reading_writes_nothing(results: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def written(*_: object, **__: object) -> None:
        raise AssertionError("reading has written")

    for name in ("touch", "mkdir", "rename", "replace", "unlink", "write_bytes"):
        monkeypatch.setattr(Path, name, written)
    assert len(load(results.folder)) == 9
    assert len(Store(results.folder).details()) == 3
    assert mn.plan(RUNS, results.folder).n_to_do == 0
    assert mn.sweep(RUNS, results.folder, progress=False)["run"].nunique() == 3
    nowhere = Store(results.folder / "not" / "there")
    assert nowhere.keys() == set()


def test_a_full_disk_is_one_line_and_leaves_nothing(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = mn.sweep(RUNS, progress=False)

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(StoreError, match=r"store='.*results' cannot be written \(No space"):
            mn.sweep(RUNS, store, progress=False)
    assert list(store.iterdir()) == []
    found = mn.sweep(RUNS, store, progress=False)
    pd.testing.assert_frame_equal(found, whole, check_exact=True, check_dtype=False)


def test_tilde_is_home_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir(), here.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(here)
    table = mn.sweep(RUNS, "~/study", progress=False)
    assert table["run"].nunique() == 3
    assert load("~/study").equals(load(home / "study"))
    assert mn.plan(RUNS, "~/study").n_to_do == 0
    assert len(mn.analysis.gates("~/study")) == 0
    assert mn.Explorer(store="~/study").store == home / "study"
    assert list(here.iterdir()) == []
    with pytest.raises(ValueError, match="no such user here"):
        load("~nobody-of-that-name/study")


@pytest.mark.parametrize(
    ("store", "allowed"),
    [("a" * 5000, "allowed is a shorter path"), (pd.DataFrame(), "a path, as a text or a Path")],
)
def test_what_can_be_no_path_is_one_line(store: object, allowed: str) -> None:
    for read in (load, lambda store: mn.plan(RUNS, store)):
        with pytest.raises(ValueError, match=allowed) as error:
            read(store)
        assert "\n" not in str(error.value)
        assert len(str(error.value)) < 200


def test_a_folder_stays_the_one_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    results = Store("results")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert results.folder == tmp_path / "results"


def test_a_sweep_says_when_a_stored_run_is_gone(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Store.table
    monkeypatch.setattr(Store, "table", lambda self, runs, **_: table(self, list(runs)[1:]))
    with pytest.raises(StoreError, match="lacks 1 of 3 runs that were stored there"):
        mn.sweep(RUNS, store, progress=False)


def test_what_another_machine_removed_is_waited_for(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = mn.sweep(RUNS, store, chunk=1, progress=False)
    one, *others = Store(store).files()
    stale = store / one.name.replace("runs-", "runs-0")
    right, listed, shown = Path.read_bytes, store_files.listed, []

    def read_bytes(path: Path) -> bytes:
        if path == stale:  # a handle of NFS whose file is gone
            raise OSError(errno.ESTALE, "Stale file handle")
        return right(path)

    def listing(folder: Path) -> list[Path]:
        shown.append(len(shown))
        return [stale, *others] if len(shown) < 4 else listed(folder)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    monkeypatch.setattr(store_files, "listed", listing)
    pd.testing.assert_frame_equal(Store(store).table([run.key for run in RUNS]), table)
    assert len(shown) > 4
    monkeypatch.setattr(store_files, "listed", lambda folder: [stale, *others])
    monkeypatch.setattr(store_files, "STALE_FOR", 0.05)
    with pytest.raises(StoreError, match="it is listed and not there"):
        Store(store).table()


def test_parts_of_a_store(store: Path) -> None:
    table = mn.sweep(RUNS, store, progress=False)
    keys = [RUNS[2].key, RUNS[0].key]
    found = Store(store).table(keys)
    assert found["run"].unique().tolist() == keys
    last = Store(store).table([run.key for run in RUNS], last=True)
    wanted = table.groupby("run", sort=False).tail(1).reset_index(drop=True)
    pd.testing.assert_frame_equal(last, wanted)
