"""Modules under their old names."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
import warnings

import pytest

from modnets.old_modules import MOVED


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_is_the_module_that_it_has_become(old: str) -> None:
    for name in [name for name in sys.modules if name in MOVED]:
        del sys.modules[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        module = importlib.import_module(old)
    texts = [str(one.message) for one in caught if one.category is FutureWarning]
    assert texts[-1].startswith(f"{old} is {MOVED[old]} now")
    assert module is importlib.import_module(MOVED[old])
    assert module.__spec__.name == MOVED[old]


def test_names_are_imported_from_old_modules() -> None:
    code = (
        "from modnets.training.planning import cores; from modnets.training.config import RunConfig"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.count("FutureWarning") == 2


def test_no_old_name_stands_for_a_module_that_is_there() -> None:
    for old, new in MOVED.items():
        assert importlib.util.find_spec(new) is not None
        assert old not in MOVED.values()
