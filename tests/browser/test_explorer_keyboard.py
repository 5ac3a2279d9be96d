"""The explorer by keyboard, by name, by contrast, at any width: JupyterLab in a real browser.

One notebook, opened and trained once, serves all of these tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab import (
    RUN_ALL,
    browser_path,
    open_explorer,
    press,
    put_notebook,
    set_theme,
    status_says,
    wait_for,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason="there is no Chromium on this machine"),
]

KINDS = ["dense", "modular, known", "shared, learned"]
NOTEBOOK = """() => { const it = window.jupyterapp.shell.currentWidget.content;
  return [it.model.toJSON().cells.map((cell) => [cell.cell_type, cell.source]),
    it.activeCellIndex, it.mode]; }"""
LISTEN = """() => { window.announced = [];
  const live = document.querySelector('.mn-explorer [aria-live]');
  new MutationObserver(() => window.announced.push(live.textContent)).observe(live,
    { childList: true, characterData: true, subtree: true }); }"""
FOCUSED = "() => document.activeElement.getAttribute('aria-label')"
#: Elements that overflow the explorer, are cut off, or scroll inside it.
CLIPPED = """() => {
  const root = document.querySelector('.mn-explorer'), frame = root.getBoundingClientRect();
  const panel = root.closest('.jp-WindowedPanel-outer, .jp-Notebook').getBoundingClientRect();
  const name = (node) => node.className.baseVal ?? `${node.tagName} ${node.className}`;
  const clipped = [...root.querySelectorAll('*')].filter((node) => {
    const box = node.getBoundingClientRect(), look = getComputedStyle(node);
    if (!box.width || look.visibility === 'hidden' || node.closest('.mn-live, .slider')) return 0;
    if (box.right > frame.right + 1 || box.left < frame.left - 1) return 1;
    if (node instanceof SVGElement || /TEXTAREA|INPUT|SELECT/.test(node.tagName)) return 0;
    return look.overflowX !== 'visible' && node.scrollWidth > node.clientWidth + 1;
  }).map(name);
  const out = frame.right > panel.right + 1 || root.scrollWidth > root.clientWidth;
  return out ? [...clipped, 'the explorer'] : clipped; }"""
#: Texts whose contrast with their background is below 4.5, disabled ones and filters aside.
PALE = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
  const over = (top, below) => [0, 1, 2].map((n) =>
    top[n] * (top[3] ?? 1) + below[n] * (1 - (top[3] ?? 1)));
  const light = (c) => { const [r, g, b] = c.map((v) => v / 255).map((v) =>
    v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (node) => { const layers = [];
    for (let at = node; at; at = at.parentElement) {
      layers.push(getComputedStyle(at).backgroundColor);
    }
    return layers.reverse().reduce((paper, layer) => over(rgb(layer), paper), [255, 255, 255]); };
  const pale = [];
  const walk = document.createTreeWalker(document.querySelector('.mn-explorer'),
    NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement, text = walk.currentNode.textContent.trim();
    if (!text || /^\\u200b*$/.test(text) || !node.getClientRects().length) continue;
    if (node.closest(':disabled, .mn-live, .mn-diagram, .mn-table, title, option')) continue;
    if (node.closest('.mn-module')) continue;
    const look = getComputedStyle(node), inSvg = node instanceof SVGElement;
    let opacity = 1;
    for (let at = node; at; at = at.parentElement) opacity *= getComputedStyle(at).opacity;
    const paper = behind(inSvg ? node.closest('div') : node);
    const ink = over([...rgb(inSvg ? look.fill : look.color).slice(0, 3),
      (rgb(inSvg ? look.fill : look.color)[3] ?? 1) * opacity], paper);
    const [a, b] = [light(ink), light(paper)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) pale.push([text, contrast]);
  }
  return pale; }"""


@pytest.fixture(scope="module")
def page(browser: Any, address: str, folder: Path) -> Iterator[Any]:
    """A page with an explorer that has trained."""
    put_notebook(folder, store=str(folder / "by_keyboard"), runs=6, epochs=60, kinds=KINDS)
    one = browser.new_page(viewport={"width": 1280, "height": 800})
    errors: list[str] = []
    one.on("pageerror", lambda error: errors.append(str(error)))
    open_explorer(one, address)
    one.evaluate(LISTEN)
    press(one, "Train")
    status_says(one, "done: 18 runs")
    yield one
    one.close()
    assert errors == []


@pytest.fixture(autouse=True)
def same_window(page: Any) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})


def test_progress_is_announced_to_screen_readers(page: Any) -> None:
    announced = page.evaluate("() => window.announced")
    assert announced[0] == "starting"
    assert announced[-1].startswith("done: 18 runs")
    bar = page.locator(".mn-explorer [role=progressbar]")
    assert bar.get_attribute("aria-valuenow") == "100"


@pytest.mark.parametrize("at", ["run", "slider", "button", "checkbox", "curves"])
def test_no_key_reaches_the_notebook(page: Any, at: str) -> None:
    """``d d`` would delete the cell, ``a`` and ``b`` add one, ``x`` cut it."""
    targets = {
        "run": page.locator(".mn-cell").nth(2),
        "slider": page.locator(".widget-hslider", has_text="epoch").last.locator(".noUi-handle"),
        "button": page.locator(".mn-explorer button", has_text="Save figure"),
        "checkbox": page.locator(".mn-kinds input").first,
    }
    if at == "curves":
        page.locator(".mn-plot svg").click(position={"x": 300, "y": 100})
    else:
        targets[at].focus()
    before = page.evaluate(NOTEBOOK)
    keys = ["d", "d", "a", "b", "x", "c", "v", "z", "m", "y", "r", "l", "o", "1", "Shift+M"]
    keys += ["ArrowUp", "ArrowDown", "Home", "End", "Control+a"]
    keys += [] if at in ("button", "checkbox") else ["Enter", "Shift+Enter", "Space"]
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_timeout(200)
    assert page.evaluate(NOTEBOOK) == before
    assert page.locator(".mn-explorer").count() == 1
    assert page.locator(".jp-Dialog").count() == 0


def test_the_notebook_can_be_saved_from_inside(page: Any, folder: Path) -> None:
    file = folder / "explorer.ipynb"
    before = file.stat().st_mtime_ns
    page.locator(".mn-cell").first.focus()
    page.keyboard.press("Control+s")
    wait_for(lambda: file.stat().st_mtime_ns > before, 20, "saving")


def test_the_strip_is_one_stop_with_arrows_inside(page: Any) -> None:
    cells = page.locator(".mn-cell")
    cells.nth(8).click()
    assert page.locator(".mn-cell[tabindex='0']").count() == 1
    page.locator(".mn-explorer button", has_text="Save figure").focus()
    seen = []
    for key in ("Tab", "ArrowRight", "ArrowDown", "Home", "ArrowUp", "ArrowUp", "ArrowUp", "End"):
        page.keyboard.press(key)
        seen.append(page.evaluate(FOCUSED).split(":")[0])
    assert seen == [
        "modular, known, seed 2",
        "modular, known, seed 3",
        "shared, learned, seed 3",
        "shared, learned, seed 0",
        "modular, known, seed 0",
        "dense, seed 0",
        "dense, seed 0",
        "dense, seed 5",
    ]
    page.wait_for_function(
        "() => document.querySelector('.mn-title').textContent.startsWith('dense, seed 5')"
    )
    assert page.locator(".mn-cell[aria-pressed='true']").count() == 1
    page.keyboard.press("Tab")
    assert "replay" in page.evaluate(FOCUSED)
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(FOCUSED).startswith("dense, seed 5")


def _nameless(page: Any) -> list[str]:
    """Roles of controls and images without a name in the accessibility tree."""
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    query = {"nodeId": root, "selector": ".mn-explorer"}
    node = session.send("DOM.querySelector", query)["nodeId"]
    roles = {"button", "checkbox", "slider", "textbox", "combobox", "spinbutton", "progressbar"}
    roles |= {"img", "image", "SvgRoot", "radio", "listbox", "table", "columnheader"}
    nodes = session.send("Accessibility.queryAXTree", {"nodeId": node})["nodes"]
    shown = [one for one in nodes if not one.get("ignored")]
    named = [one for one in shown if one["role"]["value"] in roles - {"table"}]
    assert len(named) > 40
    return [
        one["role"]["value"] for one in named if not one.get("name", {}).get("value", "").strip()
    ]


def test_everything_has_a_name(page: Any) -> None:
    for source in ("random", "table", "named"):
        press(page, source)
        page.wait_for_timeout(300)
        assert _nameless(page) == []
    pressed = page.locator(".widget-toggle-buttons [aria-pressed='true']")
    assert pressed.all_inner_texts() == ["named"]
    rate = page.locator(".widget-hslider", has_text="rate, weights").locator("[role=slider]")
    assert rate.get_attribute("aria-valuetext") == "0.010"  # and not the exponent


def test_terms_are_explained_on_hover(page: Any) -> None:
    """The tooltip of a term: the title of the nearest element that has one."""
    page.locator(".mn-cell").last.click()
    page.locator(".mn-gates th", has_text="clarity").wait_for()
    terms = [
        (".mn-kinds span", "modular, learned", "module, a small network, of its own"),
        (".mn-kinds span", "shared, known", "one pool of modules"),
        (".mn-name .mn-word", "shared, learned", "one pool of modules"),
        (".mn-name .mn-word", "modular, known", "given, as in the task's graph"),
        (".mn-controls span", "Gumbel noise", "Gumbel(0, 1) distribution"),
        (".mn-controls label", "temperature", "divides the logits"),
        (".mn-controls .widget-dropdown label", "graph", "the task"),
        (".mn-gates th span", "clarity", "gap between outputs"),
        (".mn-gates th span", "module", "the small network that fills the slot"),
        (".mn-legend span", "majority floor", "best constant answer"),
    ]
    for where, term, meaning in terms:
        node = page.locator(f".mn-explorer {where}", has_text=term).last
        assert meaning in node.evaluate("(one) => one.closest('[title]').title"), (where, term)


@pytest.mark.parametrize("dark", [False, True])
def test_it_can_be_read(page: Any, dark: bool) -> None:
    set_theme(page, dark)
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    assert page.evaluate(PALE) == []
    available, drawn = page.evaluate(
        """() => { const svg = document.querySelector('.mn-plot svg');
          return [svg.parentNode.clientWidth, svg.viewBox.baseVal.width]; }"""
    )
    assert drawn == pytest.approx(
        available, abs=1
    )  # also after the page had another width for a moment


@pytest.mark.parametrize("width", [560, 853, 900, 1280, 1920])  # 853: 1280 at a zoom of 150 %
def test_nothing_is_cut_off_and_the_width_is_used(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_timeout(400)
    assert page.evaluate(CLIPPED) == []
    box = page.locator(".mn-explorer").bounding_box()
    assert box["width"] > width - 190
    if width == 1920:
        assert box["width"] > 0.85 * width
        plot = page.locator(".mn-plot svg").bounding_box()
        assert plot["width"] > 600


def test_another_task_marks_the_curves_as_old(page: Any) -> None:
    assert page.locator(".mn-caption").inner_text().startswith("6-3-2-2, 16 training rows")
    assert page.locator(".mn-old").inner_text() == ""
    graph = page.get_by_label("graph", exact=True)
    graph.select_option("6-2-2")
    page.locator(".mn-old", has_text="old curves: 6-3-2-2. Press Train for 6-2-2").wait_for()
    assert page.locator(".mn-faded .mn-curve").count() == 3
    graph.select_option("6-3-2-2")
    page.wait_for_function("() => document.querySelector('.mn-old').textContent === ''")


def test_it_survives_a_reload_and_shows_stored_runs_after_a_restart(
    page: Any, folder: Path
) -> None:
    """The last of these tests, as it ends the kernel."""
    page.locator(".mn-cell").first.focus()
    page.keyboard.press("Control+s")
    file = folder / "explorer.ipynb"
    wait_for(lambda: "widget-view" in file.read_text(), 20, "saving")
    page.reload()
    page.locator(".mn-cell").first.wait_for(timeout=60_000)
    assert page.locator(".mn-cell").count() == 18
    assert not page.locator(".mn-hint").is_visible()

    kernel = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
    page.evaluate(f"() => {kernel}.restart()")
    page.locator(".mn-gone", has_text="Run the cell again").wait_for(timeout=60_000)
    page.reload()  # no kernel has the widgets any more
    page.locator(".mn-hint", has_text="run this cell again").wait_for(timeout=60_000)
    page.evaluate(RUN_ALL)
    status_says(page, "found in")
    assert page.locator(".mn-cell").count() == 18
    assert not page.locator(".mn-hint").is_visible()
