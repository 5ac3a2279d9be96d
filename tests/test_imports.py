"""Garbage collections: none while modules are imported, few in processes of ours."""

from __future__ import annotations

import gc
import importlib
from types import ModuleType

import pytest

import modnets as mn
from modnets.imports import RARELY, imported, without_collections


def test_nothing_is_collected_while_a_public_name_is_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    enabled: dict[str, bool] = {}
    found = importlib.import_module

    def watched(module: str) -> ModuleType:
        enabled[module] = gc.isenabled()
        return found(module)

    monkeypatch.setattr(importlib, "import_module", watched)
    monkeypatch.delattr("modnets.RunConfig", raising=False)
    assert mn.RunConfig().kind == "dense"
    assert enabled["modnets.config.run_config"] is False
    assert gc.isenabled()


def test_collections_go_on_after_an_import_that_fails() -> None:
    with pytest.raises(ModuleNotFoundError):
        imported("modnets.nowhere")
    assert gc.isenabled()


def test_who_has_no_collections_gets_none() -> None:
    gc.disable()
    try:
        with without_collections():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_workers_collect_rarely() -> None:
    from modnets.experiments.executors import _local_pool

    assert _local_pool(1).submit(gc.get_threshold).result() == RARELY
