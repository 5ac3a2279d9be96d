"""The report of a study in a real browser, from the disk and without a network."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from lab import browser_path

import modnets as mn

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason="no Chromium is installed"),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    base = mn.RunConfig(graph="6-2-2", epochs=4, eval_every=1, train_rows=16)
    runs = mn.grid(base, model=["shared"], routing="known", seeds=range(3))
    mn.sweep(runs, folder / "store", progress=False)
    return mn.report(folder / "store", folder / "study.html")


@pytest.fixture
def page(browser: Any, file: Path) -> Any:
    """The page, opened from the disk with the network off; nothing may be asked for, or fail."""
    context = browser.new_context(offline=True, viewport={"width": 1100, "height": 900})
    page = context.new_page()
    told: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    yield page
    assert told == []
    assert [url for url in asked if not url.startswith(("data:", file.as_uri()))] == []
    context.close()


def test_the_replay_moves_network_table_and_line(page: Any) -> None:
    assert page.locator(".moment:visible").count() == 1
    said, now = page.locator("#said"), page.locator(".now")
    assert said.text_content().startswith("epoch 4: ")
    end = float(now.get_attribute("x1"))
    page.locator("#moment").fill("1")
    assert said.text_content().startswith("epoch 1: ")
    assert float(now.get_attribute("x1")) < end
    assert page.locator(".moment:visible svg").count() > 1
    page.locator("#play").click()
    assert page.locator("#play").text_content() == "Pause"
    page.wait_for_function("() => document.getElementById('play').textContent === 'Play'")
    assert said.text_content().startswith("epoch 4: ")
    page.locator("#play").focus()
    page.keyboard.press("Enter")  # from the start, as it stands at the end
    assert said.text_content().startswith("epoch 0: ")


def test_numbers_can_be_downloaded(page: Any, tmp_path: Path) -> None:
    with page.expect_download() as download:
        page.locator("a[download='results.csv']").click()
    download.value.save_as(tmp_path / "results.csv")
    assert (tmp_path / "results.csv").read_text().startswith("graph,kind,train_rows,n,")


@pytest.mark.parametrize("width", [1400, 800, 390])
def test_nothing_is_wider_than_the_window(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sizes = page.evaluate(
        "[...document.querySelectorAll('figure svg')].map(svg => svg.getBoundingClientRect().width)"
    )
    assert len(sizes) == 2
    assert min(sizes) > 250


def test_it_prints_on_pages_without_controls(page: Any) -> None:
    page.emulate_media(media="print")
    for selector in ("nav", ".controls", ".files"):
        assert page.locator(selector).count() > 0
        assert page.locator(f"{selector}:visible").count() == 0
    assert page.locator(".moment:visible").count() == 1
    assert page.pdf(format="A4")[:5] == b"%PDF-"


def test_headings_go_down_by_one_and_pictures_have_names(page: Any) -> None:
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.evaluate(
        "[...document.querySelectorAll('svg, img')].every(e => e.ariaLabel || e.alt || "
        "e.closest('svg[aria-label]'))"
    )
    assert page.title() == page.locator("h1").text_content()
