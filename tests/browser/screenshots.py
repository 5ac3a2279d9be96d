"""The screenshots of the explorer in the README: ``python tests/browser/screenshots.py``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from lab import browser_path, lab, open_explorer, press, put_notebook, set_theme, status_says
from playwright.sync_api import sync_playwright

from modnets.paths import FIGURES


def main() -> None:
    """Train, and show a run that has recovered the graph, in both themes."""
    folder = Path(tempfile.mkdtemp())
    kinds = ["dense", "modular, known", "shared, known", "shared, learned"]
    put_notebook(folder, store=str(folder / "store"), runs=48, epochs=600, kinds=kinds)
    with lab(folder) as address, sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        view = open_explorer(page, address)
        press(page, "Train")
        status_says(page, "done")
        page.locator(".mn-row").last.locator(".mn-solved").first.click()
        page.mouse.move(0, 0)
        for name in ("light", "dark"):
            set_theme(page, name == "dark")
            page.wait_for_timeout(2000)
            view.screenshot(path=FIGURES / f"explorer_{name}.png")
        chromium.close()


if __name__ == "__main__":
    main()
