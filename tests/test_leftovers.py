"""Stale files: those of dead processes are removed, those of running ones never."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from filelock import FileLock
from lanes import needs_compiler

from modnets import RunConfig, grid, leftovers, sweep
from modnets.compiler.libraries import (
    LIBRARY,
    NUMBERS,
    clear_leftovers,
    compile_lock,
    working_folder,
)
from modnets.leftovers import clear, is_dead, mark, temporary_folder

DAY = 24 * 3600


def aged(path: Path, seconds: float) -> Path:
    """The same file or folder, as if last written to so long ago."""
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def killed() -> str:
    """The mark of a process that has been killed."""
    code = "from modnets.leftovers import mark; print(mark(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        name = other.stdout.readline().strip()
        assert not is_dead(Path(f"{name}-of-a-living-process"))
        other.send_signal(signal.SIGKILL)
    return name


@pytest.fixture(scope="module")
def dead() -> str:
    return killed()


def test_this_process_lives(dead: str) -> None:
    assert leftovers.MARK.fullmatch(mark())
    assert not is_dead(Path(f".work-{mark()}-abc"))
    assert is_dead(Path(f".work-{dead}-abc"))


def test_a_number_that_another_process_has_now() -> None:
    here, number, start, other = mark().split("-")
    assert is_dead(Path(f"{here}-{number}-{int(start) - 1}-{other}"))
    assert not is_dead(Path(f"{here}-{number}-0-{other}"))  # a start that was not to be known
    assert is_dead(Path(f"{here}-{'9' * 9}-{start}-{other}"))


def test_what_has_ended_and_was_not_waited_for_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        here, _, _, other = mark().split("-")
        start = leftovers._state(ended.pid)[1]
        assert is_dead(Path(f"{here}-{ended.pid}-{start}-{other}"))


def test_another_machine_is_given_a_day(tmp_path: Path, dead: str) -> None:
    other = tmp_path / f"{'0' * 12}-{dead.split('-', 1)[1]}"
    other.mkdir()
    assert not is_dead(other)
    assert not is_dead(aged(other, 0.9 * DAY))
    assert is_dead(aged(other, 1.1 * DAY))
    assert clear([tmp_path / "has just gone"]) == []


def test_only_what_is_dead_is_cleared(tmp_path: Path, dead: str) -> None:
    (tmp_path / f"a-{dead}").mkdir()
    (tmp_path / f"a-{dead}" / "inner").touch()
    (tmp_path / f"a-{dead}-file").touch()
    (tmp_path / f"a-{dead}-link").symlink_to(tmp_path / "kept")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "thesis.tex").touch()
    mine = tmp_path / f"a-{mark()}"
    mine.touch()
    aged(mine, 30 * DAY)
    assert len(clear(tmp_path.glob("a-*"))) == 3
    assert set(tmp_path.iterdir()) == {tmp_path / "kept", mine}
    assert (tmp_path / "kept" / "thesis.tex").exists()


def test_a_temporary_folder_clears_those_of_killed_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dead: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"modnets-kernel-{dead}-x").mkdir()
    (tmp_path / "modnets-0").mkdir()
    with temporary_folder("kernel") as one, temporary_folder("kernel") as two:
        assert one != two
        assert {one, two} == set(tmp_path.glob("modnets-kernel-*"))
    assert [path.name for path in tmp_path.iterdir()] == ["modnets-0"]


# In the cache folder of compiled libraries


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODNETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir(mode=0o700)
    return tmp_path / "cache"


def fill(folder: Path, dead: str) -> set[Path]:
    """Stale files of each kind, and others; returns the others."""
    for name in ("tmpabcd_123", "tmpzzzzzzzz", f".work-{dead}-abc"):
        (folder / name).mkdir(mode=0o700)
        (folder / name / "program.cpp").touch()
    lock = folder / f"{'1' * 20}.lock"
    lock.touch()
    for path in (folder / "tmpabcd_123", folder / "tmpzzzzzzzz", lock):
        aged(path, 2 * DAY)
    young, mine, other = folder / "tmpaaaaaaaa", folder / "tmpbbbbbbbb", folder / "tmp"
    for path in (young, mine, other):
        path.mkdir()
        (path / "program.cpp").touch()
    (mine / "thesis.tex").touch()
    for path in (mine, other):
        aged(path, 30 * DAY)
    fresh = folder / f"{'2' * 20}.lock"
    fresh.touch()
    stay = {young, mine, other, fresh, folder / f"{'3' * 20}-{'4' * 20}.so", folder / "a.lock"}
    for path in stay - {young, mine, other, fresh}:
        path.touch()
        aged(path, 30 * DAY)
    return stay


def test_leftovers_of_compiling(folder: Path, dead: str) -> None:
    stay = fill(folder, dead)
    held = folder / f"{'5' * 20}.lock"
    with FileLock(held), working_folder(folder) as at_work:
        aged(held, 30 * DAY)
        clear_leftovers()
        assert set(folder.iterdir()) == stay | {held, at_work}
    clear_leftovers()
    assert set(folder.iterdir()) == stay | ({held} if held.exists() else set())
    assert not held.exists()


def test_clearing_makes_no_folder(folder: Path) -> None:
    folder.rmdir()
    clear_leftovers()
    assert not folder.exists()


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=needs_compiler)])
def test_a_sweep_clears(folder: Path, dead: str, compiled: bool) -> None:
    stay = fill(folder, dead)
    runs = grid(RunConfig(graph="6-2-2", epochs=2), seed=range(2))
    sweep(runs, compiled=compiled, workers=1, progress=False)
    kept = {LIBRARY, NUMBERS}
    assert {path for path in folder.iterdir() if path.suffix not in kept} == {
        path for path in stay if path.suffix not in kept
    }


def test_a_lock_does_not_stay(folder: Path) -> None:
    with compile_lock(folder, "1" * 20):
        assert len(list(folder.iterdir())) == 1
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("error", [NotImplementedError("no flock"), OSError(37, "no locks")])
def test_where_no_lock_can_be_had_the_work_is_done(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(FileLock, "acquire", refuse)
    done = []
    with compile_lock(folder, "1" * 20):
        done.append(True)
    assert done
