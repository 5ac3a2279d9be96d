"""Threads of linear algebra, and memory that is kept."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest
import threadpoolctl

from modnets import hardware


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    hardware._blas.cache_clear()
    yield
    hardware._blas.cache_clear()


def threads() -> list[int]:
    return [one["num_threads"] for one in hardware._blas().info() if one["user_api"] == "blas"]


def test_small_matrices_take_one_thread() -> None:
    try:
        before = threads()
    except AttributeError:
        pytest.skip("a library of this process has a path that is not UTF-8")
    with hardware.one_blas_thread():
        assert set(threads()) == {1}
    assert threads() == before


def test_libraries_that_cannot_be_listed_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        b"\xff".decode()

    monkeypatch.setattr(threadpoolctl, "ThreadpoolController", fail)
    entered = False
    with hardware.one_blas_thread():
        entered = True
    assert entered


FAULTS = """
import resource, numpy as np
from modnets.hardware import keep_freed_memory
keep_freed_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(40):
        np.concatenate([np.ones(2**17) for _ in range(4)])  # of 1 MB, which end the heap
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults(); print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="not glibc, which has mallopt")
@pytest.mark.parametrize("own", [{}, {"MALLOC_TRIM_THRESHOLD_": "65536"}])
def test_memory_that_is_freed_is_kept_for_the_next_array(own: dict[str, str]) -> None:
    before = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], env=before | own, capture_output=True, text=True, check=True
    )
    pages = 40 * 8 * 2**20 // resource.getpagesize()
    assert (int(done.stdout) > pages / 4) is bool(own)
