"""JupyterLab with a notebook, driven by a real browser as by a user."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat

from modnets.paths import NOTEBOOKS, ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
RUN_ALL = """async () => {
  const w = window.jupyterapp.shell.currentWidget;
  await w.context.ready; await w.sessionContext.ready;
  await w.sessionContext.session.kernel.info;
  window.jupyterapp.commands.execute('notebook:run-all-cells');
}"""


def browser_path() -> str | None:
    """The system's Chromium; None if there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@contextmanager
def lab(folder: Path) -> Iterator[str]:
    """JupyterLab on a folder; yields its address."""
    port = free_port()
    (folder / "lab_config.py").write_text("c.LabApp.expose_app_in_browser = True\n")
    quiet = folder / "settings" / "@jupyterlab" / "apputils-extension"
    quiet.mkdir(parents=True)
    (quiet / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "PYTHONPATH": str(ROOT),
    }
    environment.pop("MPLBACKEND", None)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", "--IdentityProvider.token=", "--allow-root"]
    command += [f"--ServerApp.root_dir={folder}", f"--config={folder / 'lab_config.py'}"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    with open(folder / "lab.log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        address = f"http://127.0.0.1:{port}"
        try:
            wait_for(lambda: answers(f"{address}/api/status"), 60, "JupyterLab")
            yield address
        finally:
            server.terminate()
            server.wait(timeout=30)


def answers(address: str) -> Any:
    try:
        with urllib.request.urlopen(address, timeout=2) as page:
            return json.load(page)
    except OSError:
        return None


def wait_for(condition: Any, seconds: float, what: str) -> Any:
    """Wait until a condition returns something true, and return that."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        result = condition()
        if result:
            return result
        time.sleep(0.1)
    raise TimeoutError(f"{what}: nothing for {seconds:g} s")


def put_notebook(folder: Path, **parameters: Any) -> None:
    """Write the explorer's notebook with other parameters."""
    notebook = nbformat.read(NOTEBOOKS / "explorer.ipynb", as_version=4)
    cell = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", ()))
    lines = [f"{name} = {value!r}" for name, value in parameters.items()]
    cell.source += "\n" + "\n".join(lines)
    nbformat.write(notebook, folder / "explorer.ipynb")


def open_explorer(page: Any, address: str, dark: bool = False) -> Any:
    """Open the notebook, run it, and return the explorer in it."""
    page.goto(f"{address}/lab/tree/explorer.ipynb?reset")
    page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.context", timeout=60000)
    set_theme(page, dark)
    page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    page.evaluate(RUN_ALL)
    view = page.locator(".mn-explorer")
    view.wait_for(timeout=90000)
    page.locator(".mn-plot svg").wait_for(timeout=30000)
    return view


def set_theme(page: Any, dark: bool) -> None:
    """JupyterLab's light theme, or its dark one."""
    theme = f"JupyterLab {'Dark' if dark else 'Light'}"
    page.evaluate(
        "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme
    )
    page.wait_for_function(
        "(light) => document.body.dataset.jpThemeLight === light", arg=str(not dark).lower()
    )


def status_says(page: Any, start: str) -> None:
    """Wait until the status line begins with a text."""
    page.wait_for_function(
        "(start) => document.querySelector('.mn-status')?.textContent.startsWith(start)",
        arg=start,
        timeout=90_000,
    )


def press(page: Any, name: str) -> None:
    """Click a button of the explorer by its label."""
    label = re.compile(rf"^\s*{name}\s*$")
    page.locator(".mn-explorer").locator("button", has_text=label).click()
