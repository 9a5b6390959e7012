"""A page driven by keys alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WAIT_S = 60.0
_CODES = {"Enter": 13, "Escape": 27, "PageUp": 33, "End": 35, "Home": 36, "ArrowUp": 38}


def begin_at(browser: Any, page: Path, width: int = 800) -> None:
    """Open a page that gets the keys."""
    browser.open(page.as_uri(), width)
    browser.call("Page.bringToFront")
    browser.call("Emulation.setFocusEmulationEnabled", enabled=True)


def press(browser: Any, key: str) -> None:
    """One key, down and up."""
    text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
    for kind in ("keyDown", "keyUp"):
        browser.call(
            "Input.dispatchKeyEvent",
            type=kind,
            key=key,
            code=key,
            windowsVirtualKeyCode=_CODES.get(key, ord(key[0].upper())),
            **({"text": text} if kind == "keyDown" and text else {}),
        )


def write(browser: Any, text: str) -> None:
    """Into what has the focus."""
    browser.call("Input.insertText", text=text)


def wait_for(what: Callable[[], Any], told: str) -> Any:
    """The first value that is something."""
    deadline = time.monotonic() + WAIT_S
    while not (found := what()):
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
    return found


def saved_by(browser: Any, key: str, folder: Path) -> Path:
    """The file that the page saves when a key is pressed."""
    folder.mkdir()
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    press(browser, key)

    def whole() -> Path | None:
        there = [path for path in folder.iterdir() if path.suffix != ".crdownload" and path.stat().st_size]
        return there[0] if there else None

    found: Path = wait_for(whole, "the page saved nothing")
    return found
