"""The explorer as a user meets it: JupyterLab in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab import (
    browser_path,
    open_explorer,
    press,
    put_notebook,
    set_theme,
    status_says,
    wait_for,
)

from modnets.experiments.store import Store
from modnets.visuals.style import KINDS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason="there is no Chromium on this machine"),
]

SECONDS = 60_000  # ms
DRAWN = "() => Number(document.querySelector('.mn-plot svg').dataset.draws)"
WATCH_DIAGRAM = """() => {
  window.drawings = 0;
  const box = document.querySelector('.mn-diagram').closest('.widget-html');
  new MutationObserver((all) => {
    if (all.some((one) => one.addedNodes.length)) window.drawings += 1;
  }).observe(box, { childList: true, subtree: true });
}"""


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    one = browser.new_page(viewport={"width": 1280, "height": 800})
    errors: list[str] = []
    one.on("pageerror", lambda error: errors.append(str(error)))
    yield one
    one.close()
    assert errors == []


def test_train_stop_look_back_and_copy(page: Any, address: str, folder: Path) -> None:
    put_notebook(folder, store=str(folder / "first"), runs=32, epochs=300)
    view = open_explorer(page, address)
    page.wait_for_function("() => document.querySelector('.mn-diagram svg')", timeout=SECONDS)
    assert page.locator(".mn-curve").count() == 0

    press(page, "Train")
    page.wait_for_function("() => document.querySelectorAll('.mn-curve').length > 0")
    first = page.evaluate(DRAWN)
    page.wait_for_function(f"() => ({DRAWN})() > {first}", timeout=SECONDS)  # the curve moves
    press(page, "Stop")
    status_says(page, "stopped at")
    drawn = page.evaluate(DRAWN)
    page.wait_for_timeout(700)
    assert page.evaluate(DRAWN) == drawn

    # An earlier epoch is selected; after Resume the newest one is shown again.
    page.locator(".mn-plot svg").click(position={"x": 50, "y": 120})
    page.locator(".mn-now").wait_for(state="attached")
    press(page, "Resume")
    status_says(page, "done: 96 runs")
    assert page.locator(".mn-title").inner_text().endswith("epoch 300")
    assert page.locator(".mn-now").count() == 0
    assert len(Store(folder / "first").keys()) == 96
    assert page.locator(".mn-cell").count() == 96

    # A run, and an earlier epoch of it.
    cell = page.locator(".mn-cell").nth(70)
    cell.click()
    page.wait_for_function(
        "() => document.querySelector('.mn-title').textContent.includes('seed 6')"
    )
    assert "shared, learned" in page.locator(".mn-title").inner_text()
    assert cell.get_attribute("aria-pressed") == "true"
    page.locator(".mn-plot svg").click(position={"x": 45, "y": 120})
    page.wait_for_function(
        "() => /epoch \\d{1,2}$|before/.test(document.querySelector('.mn-title').textContent)"
    )

    # Ten changes of a slider lead to at most two drawings.
    page.evaluate(WATCH_DIAGRAM)
    handle = view.locator(".widget-hslider", has_text="epoch").last.locator(".noUi-handle")
    handle.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(2500)
    assert 1 <= page.evaluate("() => window.drawings") <= 2

    press(page, "Copy as config")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.mn-explorer textarea')]"
        ".some((area) => area.value.includes('seed=6'))"
    )
    press(page, "Save figure")
    status_says(page, "saved")


def test_an_error_is_shown_beside_its_control(page: Any, address: str, folder: Path) -> None:
    put_notebook(folder, store=str(folder / "second"), runs=2, epochs=40)
    view = open_explorer(page, address)
    press(page, "table")
    area = view.locator(".mn-controls textarea")
    area.fill("0,0,1\n0,1,2\n1,0,0\n1,1,1\n")
    area.blur()
    message = view.locator(".mn-controls .mn-error", has_text="entry '2'; allowed are 0 and 1")
    message.wait_for()
    assert view.locator("button", has_text="Train").is_disabled()
    area.fill("0,0,1\n0,1,0\n1,0,0\n1,1,1\n")
    area.blur()
    view.locator(".mn-error", has_text="allowed is 1 to 3 rows").wait_for()
    press(page, "named")
    page.wait_for_function("() => document.querySelectorAll('.mn-error').length === 0")
    press(page, "Train")
    status_says(page, "done: 6 runs")


def test_a_closed_tab_loses_nothing(browser: Any, address: str, folder: Path) -> None:
    put_notebook(folder, store=str(folder / "third"), runs=16, epochs=200)
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    open_explorer(page, address, dark=True)
    press(page, "Train")
    page.wait_for_function("() => document.querySelectorAll('.mn-curve').length > 0")
    page.close()
    store = folder / "third"
    wait_for(lambda: store.is_dir() and len(Store(store).keys()) == 48, 90, "results")


def test_it_fits_on_one_screen(page: Any, address: str, folder: Path) -> None:
    put_notebook(folder, store=str(folder / "fourth"), runs=64, epochs=40, kinds=list(KINDS))
    view = open_explorer(page, address)
    press(page, "Train")
    status_says(page, "done")
    for dark in (False, True):
        set_theme(page, dark)
        box = view.bounding_box()
        assert box["width"] <= 1180
        assert box["height"] <= 660
        clipped = page.evaluate(
            """() => [...document.querySelectorAll('.mn-explorer *')].filter((node) =>
              !(node instanceof SVGElement) && node.tagName !== 'TEXTAREA' &&
              ['auto', 'scroll'].includes(getComputedStyle(node).overflowY) &&
              node.scrollHeight > node.clientHeight + 1).map((node) => node.className)"""
        )
        assert clipped == []  # nothing scrolls inside
        ink, paper = page.evaluate(
            """() => { const node = document.querySelector('.mn-title');
              return [getComputedStyle(node).color,
                getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor]; }"""
        )
        assert abs(_lightness(ink) - _lightness(paper)) > 120


def _lightness(color: str) -> float:
    channels = [float(text) for text in color[color.index("(") + 1 : -1].split(",")[:3]]
    return sum(channels) / 3
