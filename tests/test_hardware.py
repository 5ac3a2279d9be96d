"""Threads of linear algebra."""

from __future__ import annotations

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
