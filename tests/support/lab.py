"""A JupyterLab of a test's own: its port, its token, its folders, and nothing of the user's."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import nbformat
from support.tree import ROOT

# Written before the start: no pop-up about news, no saving behind a test's back.
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    # Every cell is in the page, not only those in sight.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}


class Lab:
    """A running server; `folder` is what its file browser shows."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "notebooks"
        self.folder.mkdir(parents=True)
        self.token = secrets.token_hex(16)
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = home / "server.log"
        environment = _environment(home)
        self._settings = Path(environment["JUPYTERLAB_SETTINGS_DIR"])
        self.reset_settings()
        command = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
            "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0", f"--ServerApp.root_dir={self.folder}",
            f"--IdentityProvider.token={self.token}",
            "--ServerApp.terminals_enabled=False",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.extension_manager=readonly", "--LabApp.news_url=",
        ]  # fmt: skip
        with self.log.open("w") as log:
            self._server = subprocess.Popen(
                command, cwd=home, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        self._wait_until_it_answers()

    def write(self, name: str, *cells: str | nbformat.NotebookNode) -> str:
        """Save a notebook of these cells (source, or a cell) and answer its path in the lab."""
        made = [nbformat.v4.new_code_cell(c) if isinstance(c, str) else c for c in cells]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": kernel})
        nbformat.write(notebook, self.folder / name)
        return name

    def copy(self, folder: Path) -> None:
        """Put a folder of notebooks, and what they import, into the lab's folder."""
        shutil.copytree(folder, self.folder, dirs_exist_ok=True)

    def request(self, method: str, path: str) -> Any:
        """Ask the server's REST interface; the answer's JSON, or None."""
        request = urllib.request.Request(f"{self.url}/api/{path}", method=method)
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=20) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def end_kernels(self) -> None:
        """Shut down every kernel that a test started."""
        for session in self.request("GET", "sessions"):
            self.request("DELETE", f"sessions/{session['id']}")

    def reset_settings(self) -> None:
        """Forget what a test chose, such as a theme."""
        shutil.rmtree(self._settings, ignore_errors=True)
        for plugin, values in SETTINGS.items():
            path = self._settings / f"{plugin}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))

    def stop(self) -> None:
        """End the server; it ends its kernels."""
        self._server.terminate()
        try:
            self._server.wait(20)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _wait_until_it_answers(self, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                self.request("GET", "status")
                return
            except OSError:
                if self._server.poll() is not None:
                    break
                time.sleep(0.1)
        self._server.kill()
        raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text()[-3000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _environment(home: Path) -> dict[str, str]:
    """Every folder of Jupyter's and IPython's in `home`; kernels import the checkout."""
    foreign = ("JUPYTER", "IPYTHON", "CI")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    ours = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    notebooks = os.pathsep.join([str(ROOT), str(ROOT / "notebooks")])
    return (
        kept
        | {name: str(home / folder) for name, folder in ours.items()}
        | {"JUPYTER_NO_CONFIG": "1", "PYTHONPATH": notebooks, "OMP_NUM_THREADS": "1"}
    )
