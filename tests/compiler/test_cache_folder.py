"""The folder of machine code: code is loaded only from where nobody else can write."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest
from lanes import needs_compiler

from modnets.compiler import build_cache, cache_folder
from modnets.compiler.libraries import find

SOURCE = 'extern "C" int answer() { return 42; }'
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be two users")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files; $MODNETS_CACHE names one beside it that is not there yet."""
    for name in ("XDG_CACHE_HOME", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODNETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir(mode=0o700)
    return tmp_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def private(place: Path) -> Path:
    return place / "temporary" / f"modnets-{os.geteuid()}"


def load(value: int = 42) -> int:
    """Compile and run a function; another value is another program."""
    source = SOURCE.replace("42", str(value))
    return build_cache.load_library(f"answer {value}", lambda: source).answer()


# Which folder


def test_the_folder_is_made_closed_whatever_the_umask(place: Path) -> None:
    for mask, name in ((0o000, "a"), (0o022, "b"), (0o777, "c")):
        os.environ["MODNETS_CACHE"] = str(place / name / "inner")
        before = os.umask(mask)
        try:
            folder = cache_folder.cache_folder()
        finally:
            os.umask(before)
        assert folder == place / name / "inner"
        assert mode(folder) == mode(folder.parent) == 0o700


def test_a_folder_of_ones_own_is_closed(place: Path, capsys: pytest.CaptureFixture) -> None:
    (place / "cache").mkdir(mode=0o755)
    assert cache_folder.cache_folder() == place / "cache"
    assert mode(place / "cache") == 0o700
    assert capsys.readouterr().err == ""


def test_a_folder_that_holds_other_things_stays_as_it_is(place: Path) -> None:
    (place / "cache").mkdir(mode=0o755)
    (place / "cache" / "thesis.tex").touch()
    assert cache_folder.cache_folder() == place / "cache"
    assert mode(place / "cache") == 0o755


@pytest.mark.parametrize("named", ["", None])
@pytest.mark.parametrize("shared", ["", "relative/folder", None, "absolute"])
def test_the_environment_names_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, named: str | None, shared: str | None
) -> None:
    monkeypatch.setenv("HOME", str(place / "home"))
    monkeypatch.chdir(place)
    for name, value in (("MODNETS_CACHE", named), ("XDG_CACHE_HOME", shared)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            value = str(place / "shared") if value == "absolute" else value
            monkeypatch.setenv(name, value)
    base = place / "shared" if shared == "absolute" else place / "home" / ".cache"
    assert cache_folder.cache_folder() == base / "modnets"
    assert not (place / "modnets").exists()
    assert not (place / "relative").exists()


def test_a_tilde_is_the_home(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(place / "home"))
    monkeypatch.setenv("MODNETS_CACHE", "~/compiled")
    assert cache_folder.cache_folder() == place / "home" / "compiled"


def test_a_home_is_an_absolute_path(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODNETS_CACHE")
    monkeypatch.setenv("HOME", "relative")
    monkeypatch.chdir(place)
    assert cache_folder.cache_folder() == private(place)
    assert not (place / "relative").exists()


def no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_the_home_is_asked_for_only_where_it_is_needed(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(Path, "home", no_home)
    assert cache_folder.cache_folder() == place / "cache"
    monkeypatch.delenv("MODNETS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "shared"))
    assert cache_folder.cache_folder() == place / "shared" / "modnets"
    assert capsys.readouterr().err == ""
    monkeypatch.delenv("XDG_CACHE_HOME")
    for _ in range(2):
        assert cache_folder.cache_folder() == private(place)
    (line,) = capsys.readouterr().err.splitlines()
    assert "no home folder" in line
    assert str(private(place)) in line


WRONG = [
    "/dev/null",
    "/dev/null/a\nb\udcff",
    "/dev/null/x",
    "/proc/none",
    "~no-such-user/x",
    "x" * 5000,
    "x/" * 3000,
]
ODD = ["a b'c\"$(d);&", "\udcff\udcfe/\u2764 \u202e\n", "x" * 200, "x/" * 700, "-o", "[a]*?"]


@pytest.mark.parametrize("named", WRONG, ids=lambda text: ascii(text[:12]))
def test_what_can_be_no_folder_is_refused_in_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, named: str
) -> None:
    monkeypatch.setenv("MODNETS_CACHE", named)
    for _ in range(2):
        assert cache_folder.cache_folder() == private(place)
        assert cache_folder.folders_to_read() == [private(place)]
    assert mode(private(place)) == 0o700
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("modnets: ")
    assert line.endswith(f"compiled code is kept in {private(place)}")
    assert len(line) < 600


@needs_compiler
@pytest.mark.parametrize("named", ODD, ids=lambda text: ascii(text[:12]))
def test_what_can_be_one_is_taken(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture, named: str
) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("MODNETS_CACHE", named)
    assert [load(), load()] == [42, 42]
    (path,) = (place / named).iterdir()
    assert path.suffix == ".so"
    assert capfd.readouterr() == ("", "")


# Whose it is


def refused(place: Path, capsys: pytest.CaptureFixture, why: str, folder: str = "cache") -> None:
    """Another, private folder is taken, and a line says so, once."""
    for _ in range(2):
        found = cache_folder.cache_folder()
        assert cache_folder.folders_to_read() == [found]
        assert found.parent == place / "temporary"
        assert found.name.startswith(f"modnets-{os.geteuid()}")
        assert (found.stat().st_uid, mode(found)) == (os.geteuid(), 0o700)
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"modnets: {place / folder}: {why}; compiled code is kept in {found}"


@pytest.mark.parametrize("bits", [0o777, 0o1777, 0o707, 0o702])
def test_a_folder_that_others_may_write(
    place: Path, capsys: pytest.CaptureFixture, bits: int
) -> None:
    (place / "cache").mkdir()
    (place / "cache").chmod(bits)
    refused(place, capsys, "others can write there")


def test_a_folder_that_others_may_exchange(place: Path, capsys: pytest.CaptureFixture) -> None:
    os.environ["MODNETS_CACHE"] = str(place / "open" / "cache")
    (place / "open").mkdir()
    (place / "open").chmod(0o777)
    refused(place, capsys, "others can write there", "open")
    assert not (place / "open" / "cache").exists()
    (place / "open").chmod(0o1777)  # the sticky bit: what is one's own stays
    assert cache_folder.cache_folder() == place / "open" / "cache"


@as_root
def test_a_group_counts_as_others(place: Path, capsys: pytest.CaptureFixture) -> None:
    (place / "cache").mkdir()
    os.chown(place / "cache", 0, 54321)
    (place / "cache").chmod(0o770)
    refused(place, capsys, "others can write there")


@as_root
@pytest.mark.parametrize("bits", [0o700, 0o755])
def test_a_folder_of_another_user(place: Path, capsys: pytest.CaptureFixture, bits: int) -> None:
    (place / "cache").mkdir()
    (place / "cache").chmod(bits)
    os.chown(place / "cache", NOBODY, 0)
    refused(place, capsys, "belongs to user nobody")


@as_root
def test_a_folder_in_one_of_another_user(place: Path, capsys: pytest.CaptureFixture) -> None:
    os.environ["MODNETS_CACHE"] = str(place / "theirs" / "cache")
    (place / "theirs" / "cache").mkdir(parents=True, mode=0o700)
    os.chown(place / "theirs", 4321, 0)
    refused(place, capsys, "belongs to user 4321", "theirs")


@as_root
def test_a_link_of_another_user(place: Path, capsys: pytest.CaptureFixture) -> None:
    (place / "mine").mkdir(mode=0o700)
    (place / "cache").symlink_to(place / "mine")
    os.chown(place / "cache", NOBODY, 0, follow_symlinks=False)
    refused(place, capsys, "a link of user nobody")
    assert list((place / "mine").iterdir()) == []


def test_a_link_of_ones_own(place: Path) -> None:
    (place / "cache").symlink_to(place / "elsewhere")
    assert cache_folder.cache_folder() == place / "elsewhere"
    (place / "elsewhere").chmod(0o777)
    assert cache_folder.cache_folder() == private(place)


@as_root
@pytest.mark.parametrize("kind", ["folder", "open", "file", "link"])
def test_what_lies_in_the_way_of_the_private_folder(
    place: Path, capsys: pytest.CaptureFixture, kind: str
) -> None:
    os.environ["MODNETS_CACHE"] = "/dev/null"
    (place / "mine").mkdir(mode=0o700)
    if kind == "file":
        private(place).touch()
    elif kind == "link":
        private(place).symlink_to(place / "mine")
    else:
        private(place).mkdir()
        private(place).chmod(0o777 if kind == "open" else 0o755)
    if kind != "open":
        os.chown(private(place), NOBODY, 0, follow_symlinks=False)
    found = [cache_folder.cache_folder() for _ in range(3)]
    assert len(set(found)) == 1  # found again, not made anew each time
    assert found[0] != private(place)
    assert found[0].parent == place / "temporary"
    assert (found[0].stat().st_uid, mode(found[0])) == (0, 0o700)
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_no_safe_folder_at_all(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODNETS_CACHE", "/dev/null")
    monkeypatch.setattr(cache_folder, "_temporary", list)
    with pytest.raises(OSError, match="no private folder"):
        cache_folder.cache_folder()
    with pytest.raises(RuntimeError, match="no private folder"):
        build_cache.load_library("one", lambda: SOURCE)


# What lies there


@needs_compiler
def test_what_others_could_have_written_is_not_loaded(place: Path) -> None:
    assert load() == 42
    (path,) = cache_folder.cache_folder().glob("*.so")
    assert mode(path) & 0o022 == 0
    name = path.name.split("-")[0]
    assert find(path.parent, name) == path
    path.chmod(0o777)
    assert find(path.parent, name) is None
    assert not path.exists()


@as_root
@needs_compiler
def test_a_library_of_another_user_is_not_loaded(place: Path) -> None:
    assert load() == 42
    (path,) = cache_folder.cache_folder().glob("*.so")
    os.chown(path, NOBODY, 0)
    assert find(path.parent, path.name.split("-")[0]) is None


@needs_compiler
def test_a_link_and_a_pipe_are_not_loaded(place: Path) -> None:
    assert load() == 42
    (path,) = cache_folder.cache_folder().glob("*.so")
    name = path.name.split("-")[0]
    path.rename(place / "library.so")
    path.symlink_to(place / "library.so")
    assert find(path.parent, name) is None
    path.unlink()
    os.mkfifo(path, 0o600)
    assert find(path.parent, name) is None


# A folder that is only read


@pytest.fixture
def prepared(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of this user or root with one library, that cannot be written to."""
    load(1)
    folder, able = cache_folder.cache_folder(), os.access
    monkeypatch.setattr(os, "access", lambda path, *rest: path != folder and able(path, *rest))
    return folder


@needs_compiler
def test_a_folder_that_is_only_read_is_used(prepared: Path, capsys: pytest.CaptureFixture) -> None:
    def refuse() -> str:
        raise AssertionError("compiled again")

    before = sorted(path.name for path in prepared.iterdir())
    assert build_cache.load_library("answer 1", refuse).answer() == 1
    assert capsys.readouterr().err == ""  # nothing to be said: nothing is missing
    assert load(2) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"modnets: {prepared} cannot be written; ")
    assert build_cache.load_library("answer 1", refuse).answer() == 1
    assert build_cache.load_library("answer 2", refuse).answer() == 2
    assert sorted(path.name for path in prepared.iterdir()) == before


@as_root
def test_a_folder_of_root_is_read_by_others(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "cache").mkdir()
    (place / "cache").chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    assert cache_folder.folders_to_read() == [place / "cache"]
    assert mode(place / "cache") == 0o755
    (place / "cache").chmod(0o757)
    with pytest.raises(OSError, match="others can write there"):
        cache_folder.checked(place / "cache")
