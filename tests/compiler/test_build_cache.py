"""The compiler: which one, for which processor, and what is said where it fails."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lanes import needs_compiler

from modnets import RunConfig, grid, hardware, source_files
from modnets.compiler import build_cache
from modnets.compiler.build_cache import compiler, fingerprint, load_library
from modnets.paths import PACKAGE
from modnets.source_files import dependencies, file_of, source_digest
from modnets.training.engine import train_chunk
from modnets.training.step import MADE_FROM

SOURCE = 'extern "C" int answer() { return 42; }'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for libraries."""
    monkeypatch.setenv("MODNETS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def looked_up() -> Iterator[None]:
    """The compiler is looked for anew, in each test and after the last."""
    found = (build_cache.compiler, build_cache.can_compile, build_cache.compiler_version)
    for function in found:
        function.cache_clear()
    yield
    for function in found:
        function.cache_clear()


def script(path: Path, text: str) -> str:
    """A program for the shell."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


# Which compiler


@needs_compiler
@pytest.mark.parametrize("arguments", ["", "-DNOTHING", "-DA=' b c '  -w"])
def test_the_compiler_may_have_arguments(
    monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path, arguments: str
) -> None:
    plain = compiler()
    compiler.cache_clear()
    log = tmp_path / "a log"
    wrapper = script(tmp_path / "a wrapper", f'echo "$@" >> \'{log}\'; exec "$@"')
    monkeypatch.setenv("CXX", f"'{wrapper}' {plain} {arguments}")
    assert load_library("one", lambda: SOURCE).answer() == 42
    called = log.read_text().splitlines()[-1]
    assert called.startswith(plain)
    assert "-march=native" in called
    assert all(word.strip("'") in called for word in arguments.split())


def test_custom_ways_to_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if name != "none" else None)
    for wanted, found in (
        ("", "/bin/g++"),
        ("  ", "/bin/g++"),
        ("ccache g++", "/bin/ccache g++"),
        ("g++ -m64", "/bin/g++ -m64"),
        ("env  'A=b c' g++", "/bin/env 'A=b c' g++"),
        ("none g++", None),
    ):
        compiler.cache_clear()
        monkeypatch.setenv("CXX", wanted)
        assert compiler() == found, wanted


@pytest.mark.parametrize("wanted", ["no-such g++", "/nowhere/g++", "'g++", "/dev/null"])
def test_a_compiler_that_is_not_there_is_named_once(
    monkeypatch: pytest.MonkeyPatch, forgetful: None, capfd: pytest.CaptureFixture, wanted: str
) -> None:
    monkeypatch.setenv("CXX", wanted)
    for _ in range(2):
        trained = train_chunk([RunConfig(train_rows=23, epochs=4)], chunk=2, compiled=True)
        assert not trained.compiled
        assert not trained.failures
        build_cache.can_compile.cache_clear()
    said = f"modnets: CXX={wanted!r} is not there; training stays eager, slower\n"
    assert capfd.readouterr().err == said


def test_workers_do_not_say_it_again(
    monkeypatch: pytest.MonkeyPatch, folder: Path, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    build_cache.get_ready(compiled=False)
    assert capfd.readouterr().err == ""
    build_cache.get_ready(compiled=True)  # before workers start
    said = "CXX='no-such-compiler' is not there; training stays eager, slower"
    assert capfd.readouterr().err == f"modnets: {said}\n"
    code = f"from modnets.notices import say_once; say_once({said!r}); say_once('new')"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert capfd.readouterr().err == "modnets: new\n"


# For which processor

X86 = """processor : 0
vendor_id : GenuineIntel
model name : Xeon
flags : fpu avx2 {more}
cpu MHz : {speed}
bugs : many
processor : 1
flags : fpu avx2 {more}
"""
ARM = "processor : 0\nBogoMIPS : {speed}\nFeatures : fp asimd {more}\nCPU part : 0xd0c\n"


@pytest.mark.parametrize("text", [X86, ARM])
def test_code_is_known_by_what_the_processor_can_do(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    def features(**values: str) -> str:
        hardware.cpu_features.cache_clear()
        with monkeypatch.context() as patch:
            patch.setattr(Path, "read_text", lambda path: text.format(**values))
            return hardware.cpu_features()

    try:
        one = features(more="", speed="2600")
        assert one == features(more="", speed="3100")  # what changes from day to day
        assert one != features(more="avx512f", speed="2600")
        assert "asimd" in one or "avx2" in one
    finally:
        hardware.cpu_features.cache_clear()


@pytest.mark.parametrize("name", ["cpu_features", "cpu_name", "lanes", "compiler_version"])
def test_what_a_fingerprint_holds(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = fingerprint("a source")
    assert fingerprint("a source") == before != fingerprint("another")
    monkeypatch.setattr(build_cache, name, lambda: "another")
    assert fingerprint("a source") != before


@needs_compiler
def test_a_fingerprint_holds_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    before, plain = fingerprint("a source"), compiler()
    compiler.cache_clear()
    monkeypatch.setenv("CXX", f"{plain} -O3")
    assert fingerprint("a source") != before
    monkeypatch.delenv("CXX")
    compiler.cache_clear()
    monkeypatch.setattr(build_cache, "FLAGS", (*build_cache.FLAGS, "-O3"))
    assert fingerprint("a source") != before


@needs_compiler
def test_code_for_another_processor_is_not_loaded(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    load_library("one", lambda: SOURCE)
    monkeypatch.setattr(build_cache, "cpu_features", lambda: "less")
    assert load_library("one", lambda: SOURCE.replace("42", "43")).answer() == 43
    assert len(list(folder.glob("*.so"))) == 2


def test_all_that_machine_code_is_made_from_stands_in_its_key() -> None:
    names = "names = {n for n in sys.modules if n.startswith('modnets.')}"
    code = f"import sys, modnets; {names}; before = names; import modnets.training.step; {names}"
    listing = "print(*names - before)"  # not what the public names need
    out = subprocess.check_output([sys.executable, "-c", f"{code}; {listing}"], text=True)
    loaded = {file_of(name) for name in out.split()} - {None}
    simd = PACKAGE / "compiler" / "simd.h"
    assert len(loaded) > 30
    assert loaded | {simd} <= set(dependencies(MADE_FROM))


def test_another_text_of_one_of_them_is_another_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(source_files, "PACKAGE", tmp_path)
    root, inner, header = (tmp_path / name for name in ("a.py", "b.py", "c.h"))
    root.write_text("def f():\n    from modnets import b\n")
    inner.write_text('TEXT = "c.h"')
    header.write_text("one")
    assert dependencies([root]) == [root, inner, header]
    before = source_digest(root)
    header.write_text("two")
    source_digest.cache_clear()
    assert source_digest(root) != before


# What is said where it fails


def test_a_complaint_names_the_source_not_the_working_folder(folder: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^program\.cpp:1:\d+: error: .*") as caught:
        load_library("one", lambda: "int other() { return answer; }")
    assert len(str(caught.value).splitlines()) == 1
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exit 3", "ended with 3 and said nothing"),
        ("exit 0", "ended with 0 and said nothing"),
        ("kill -9 $$", "ended with -9 and said nothing"),
        ("echo; echo first >&2; echo second >&2; exit 1", "^first$"),
        ("echo first >&2; echo the error >&2; exit 1", "^the error$"),
        (r"printf 'error: \377\376\n' >&2; exit 1", "^error: \ufffd\ufffd$"),
        ('test "$LC_ALL" = C || exit 1; cat >&2; echo error in $TMPDIR >&2; exit 1', "error in"),
    ],
)
def test_compilers_that_fail(
    monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path, text: str, said: str
) -> None:
    monkeypatch.setenv("CXX", script(tmp_path / "cxx", text))
    with pytest.raises(RuntimeError, match=said) as caught:
        load_library("one", lambda: SOURCE)
    assert len(str(caught.value).splitlines()) == 1
    assert list(folder.iterdir()) == []


@needs_compiler
def test_a_file_size_limit_leaves_training_eager(
    monkeypatch: pytest.MonkeyPatch, forgetful: None, folder: Path, capfd: pytest.CaptureFixture
) -> None:
    runs = grid(RunConfig(graph="6-2-2", epochs=4), seed=range(3))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        trained = train_chunk(runs, chunk=4, compiled=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not trained.compiled
    assert not trained.failures
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("modnets: compiling failed, step stays eager: File too large: ")
    assert str(folder) in line
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_named_with_the_folder(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    real = Path.write_text
    monkeypatch.setattr(Path, "write_text", lambda _, *rest, **kw: real(Path("/dev/full"), *rest))
    with pytest.raises(RuntimeError, match=f"^No space left on device: {folder}$"):
        load_library("one", lambda: SOURCE)
    assert list(folder.iterdir()) == []


@needs_compiler
def test_no_other_may_write_to_a_library_whatever_the_umask(folder: Path) -> None:
    before = os.umask(0)
    try:
        load_library("one", lambda: SOURCE)
    finally:
        os.umask(before)
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o022 == 0
