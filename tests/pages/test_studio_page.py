"""The studio in a browser, by a user who has a keyboard and two recordings."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_core_python
import numpy as np
import pytest
import soundfile

from tasks.versions.record import read_versions, write_versions
from tests.browser import Browser
from tests.flows.serve import command
from tests.flows.serve.served import Served, served, write_voice, write_weights
from tests.pages.keyboard import press, wait_for, write

pytestmark = [pytest.mark.browser, pytest.mark.slow]

KEY = "a-key-of-some-length-0123456789"
AXE = Path(axe_core_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
COMMAND = (sys.executable, command.__file__)
READY = "document.readyState === 'complete'"
OUTLINE = """(({ outlineStyle, outlineWidth }) => `${outlineStyle} ${outlineWidth}`)(
  getComputedStyle(document.activeElement))"""
NOTE_MARKS = """(() => {
  window.marked = [];
  const note = ({ target }) => target.className === "now" && marked.push(target.textContent);
  new MutationObserver((list) => list.forEach(note)).observe(
    document.querySelector("#speak-form .said"),
    { subtree: true, attributes: true, attributeFilter: ["class"] });
})()"""
FAULTS = """axe.run().then(({ violations }) => violations
  .filter(({ impact }) => ["serious", "critical"].includes(impact))
  .map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]))"""
LEVELS = "[...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))"
CHOSEN = "[...document.querySelectorAll('#compare-first, #compare-second')].map((one) => one.value)"
PAGES = ("/studio", "/studio/voices/anna", "/studio/voices/anna/promote/1", "/studio/key")
LONG = "a-voice-with-a-name-that-goes-on-and-on-until-nothing-more-fits1"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Behind a key: a voice with two versions, one with a long name, and what commands will leave."""
    workspace = write_weights(tmp_path_factory.mktemp("studio"))
    write_voice(workspace, "anna", "kokoro/bf_emma", number=2)
    write_voice(workspace, LONG, "kokoro/am_michael")
    (workspace / "voices" / "anna" / "report.html").write_text("<h1>The report</h1>")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write_voice(elsewhere, "clara", "kokoro/am_michael", number=2)
    write_versions(elsewhere, "clara", {**read_versions(elsewhere, "clara"), "champion": 1})
    for room in ("voices", "runs"):
        shutil.copytree(elsewhere / room, workspace / "prepared" / "finetune" / room)
    shutil.copytree(workspace / "runs" / "anna", elsewhere / "runs" / "anna")
    record = read_versions(workspace, "anna")
    write_versions(elsewhere, "anna", {**record, "champion": 1})
    shutil.copytree(elsewhere / "runs" / "anna", workspace / "prepared" / "promote" / "runs" / "anna")
    with served(workspace, keys=(KEY,), command=COMMAND) as running:
        yield running


@pytest.fixture
def user(browser: Browser, studio: Served) -> Iterator[Browser]:
    """Let in already."""
    _enter_key(browser, studio, KEY)
    _follow(browser, "/studio", lambda: press(browser, "Enter"))
    yield browser
    browser.call("Network.clearBrowserCookies")


def _enter_key(browser: Browser, studio: Served, key: str) -> None:
    """Into the field that has the focus by itself, once the page is drawn and it has."""
    browser.open(f"{studio.url}/studio/key", 1000)
    browser.call("Page.bringToFront")
    browser.call("Emulation.setFocusEmulationEnabled", enabled=True)
    wait_for(lambda: browser.evaluate("document.activeElement?.tagName") == "INPUT", "no field has the focus")
    write(browser, key)


def _follow(browser: Browser, path: str, act: Any) -> None:
    """Do what leads to another page, and wait until it is there."""
    browser.evaluate("window.wasHere = true")
    act()
    arrived = f"!window.wasHere && {READY} && location.pathname.startsWith({json.dumps(path)})"
    wait_for(lambda: browser.evaluate(arrived), f"{path} did not come")


def _tab_to(browser: Browser, selector: str) -> None:
    """By the Tab key alone; every stop on the way shows that it has the focus."""
    for _ in range(200):
        press(browser, "Tab")
        if browser.evaluate(f"document.activeElement?.matches({json.dumps(selector)}) ?? false"):
            style = browser.evaluate(OUTLINE)
            assert style == "solid 3px", f"{selector}: nothing shows the focus: {style}"
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def _text(browser: Browser, selector: str) -> str:
    found: str = browser.evaluate(f"document.querySelector({json.dumps(selector)})?.textContent ?? ''")
    return found


def _recordings(folder: Path) -> list[str]:
    paths = [folder / f"{name}.wav" for name in ("one", "two")]
    for number, path in enumerate(paths):
        soundfile.write(path, 0.1 * np.sin(np.arange(8000) / (5 + number)).astype(np.float32), 16_000)
    return [str(path) for path in paths]


def _choose(browser: Browser, selector: str, files: list[str]) -> None:
    """What the system's dialogue, which no page can open for a test, would do."""
    root = browser.call("DOM.getDocument")["root"]["nodeId"]
    node = browser.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
    browser.call("DOM.setFileInputFiles", nodeId=node, files=files)


def test_a_wrong_key_is_told_where_it_was_entered(browser: Browser, studio: Served) -> None:
    _enter_key(browser, studio, KEY[1:])
    _follow(browser, "/studio/key", lambda: press(browser, "Enter"))
    assert "opens nothing" in _text(browser, "[role=alert]")
    assert (
        browser.evaluate("document.activeElement.getAttribute('aria-describedby')") == "key-about key-fault"
    )


def test_a_text_is_heard_and_its_words_are_marked_in_turn(user: Browser, studio: Served) -> None:
    user.evaluate(NOTE_MARKS)
    _tab_to(user, "#text")
    user.evaluate("document.activeElement.select()")
    write(user, "One, two.")
    _tab_to(user, "#speak-form .primary")
    press(user, "Enter")
    # A random network drawls: it takes seconds for a word.
    studio.wait(lambda: _text(user, "#speak-form .state").startswith("Spoken"), 90)
    assert user.evaluate("marked") == ["One,", "two."]
    assert _text(user, "#speak-form .said") == "One, two."
    assert user.evaluate("document.querySelectorAll('.said .now').length") == 0
    assert any(address.endswith("/v1/audio/speech") for address in user.requests())
    duration = "document.querySelector('#speak-form audio').duration"
    wait_for(lambda: user.evaluate(f"{duration} > 0.5"), "what was spoken cannot be heard again")
    assert user.complaints() == []


def test_stop_ends_it_at_once(user: Browser) -> None:
    user.evaluate("document.querySelector('#text').value = 'One, two, three, four. '.repeat(40)")
    _tab_to(user, "#speak-form .primary")
    press(user, "Enter")
    _tab_to(user, "#speak-form .stop")
    press(user, "Enter")
    wait_for(lambda: _text(user, "#speak-form .state") == "Stopped.", "it goes on")
    assert user.evaluate("document.activeElement.id") == "text", "the focus is lost"


def test_what_the_server_refuses_is_told(user: Browser) -> None:
    user.evaluate("document.querySelector('#text').value = '...'")
    user.evaluate("document.querySelector('#speak-form').requestSubmit()")
    told = wait_for(lambda: _text(user, "#speak-form .state.fault"), "nothing is told")
    assert "has no word that can be spoken" in told


def test_a_voice_is_made_watched_compared_and_promoted_by_keys_alone(
    user: Browser, studio: Served, tmp_path: Path
) -> None:
    _tab_to(user, "#name")
    write(user, "clara")
    _choose(user, "#files", _recordings(tmp_path))
    _tab_to(user, "#language")
    press(user, "G")
    _tab_to(user, "#make-form .primary")
    _follow(user, "/studio/voices/clara", lambda: press(user, "Enter"))
    step = re.compile(r"Step 2 of 2: fit kokoro \([01] of 2\)")
    wait_for(lambda: step.fullmatch(_text(user, ".training .stage")), "no step is told")
    assert user.evaluate("document.querySelector('.training progress').value") >= 0.5
    wait_for(lambda: "left" in _text(user, ".training .left"), "no time is told")
    ended = "Finished. Version 2 is there; version 1 still speaks."
    wait_for(lambda: _text(user, ".training .state") == ended, "it does not end")
    asked = [json.loads(line) for line in (studio.service.workspace / command.ASKED).read_text().splitlines()]
    assert asked[-1][0] == "finetune" and "corpus.language=ka" in asked[-1]
    uploads = Path(asked[-1][1])
    assert sorted(path.name for path in uploads.iterdir()) == ["one.wav", "two.wav"]
    _tab_to(user, ".fresh")
    _follow(user, "/studio/voices/clara", lambda: press(user, "Enter"))
    assert "says 1" in _text(user, ".verdict")

    user.open(f"{studio.url}/studio/voices/anna", 1000)
    assert user.evaluate(CHOSEN) == ["anna@2", "anna@1"]
    _tab_to(user, "form[action$=compare] button")
    _follow(user, "/studio/errands/", lambda: press(user, "Enter"))
    wait_for(lambda: user.evaluate("document.querySelector('.made')?.hidden === false"), "no page is made")
    _tab_to(user, ".made")
    _follow(user, "/studio/errands/", lambda: press(user, "Enter"))
    assert _text(user, "h1") == "Side by side"

    user.open(f"{studio.url}/studio/voices/anna", 1000)
    _tab_to(user, "a[href$='promote/1']")
    _follow(user, "/studio/voices/anna/promote/1", lambda: press(user, "Enter"))
    _tab_to(user, "button.primary")
    _follow(user, "/studio/errands/", lambda: press(user, "Enter"))
    wait_for(lambda: _text(user, ".state") == "done as asked", "it is not promoted")
    _tab_to(user, "a.button")
    _follow(user, "/studio/voices/anna", lambda: press(user, "Enter"))
    assert "Version 1 speaks now" in " ".join(_text(user, "#versions").split())


def test_a_voice_that_is_there_keeps_recordings_and_recipe_unless_another_is_chosen(user: Browser) -> None:
    asks = "!document.querySelector('#earlier').hidden"
    preset = "document.querySelector('#preset').selectedOptions[0].textContent"
    _tab_to(user, "#name")
    assert not user.evaluate(asks)
    write(user, "anna")
    assert user.evaluate(asks)
    assert user.evaluate(preset) == "as before (kokoro-fit)"
    assert "To the 9 clips of 6.0 minutes" in _text(user, "#earlier-about")
    _tab_to(user, "#earlier input")
    press(user, "ArrowDown")
    told = _text(user, "#earlier-about")
    assert "The 9 clips of 6.0 minutes of its last version are not used any more" in told
    assert user.evaluate("document.querySelector('#make-form').elements.recordings.value") == "replace"
    user.evaluate("document.querySelector('#name').focus()")
    write(user, "-2")
    assert not user.evaluate(asks)
    assert user.evaluate(preset).startswith("kokoro-fit")
    assert user.evaluate("document.querySelector('#make-form').elements.recordings.value") == "add"


def test_what_a_review_saved_is_taken_in_by_keys_alone(user: Browser, studio: Served, tmp_path: Path) -> None:
    saved = tmp_path / "anna-corrections.tsv"
    saved.write_text("clip-1\tdrop\n")
    user.open(f"{studio.url}/studio/voices/anna", 1000)
    _choose(user, "#corrections-files", [str(saved)])
    _tab_to(user, "form[action$=corrections] button")
    _follow(user, "/studio/errands/", lambda: press(user, "Enter"))
    said = "done as asked; anna-corrections.tsv: clip-1\tdrop"
    wait_for(lambda: _text(user, ".state") == said, "it is not taken in")
    asked = [json.loads(line) for line in (studio.service.workspace / command.ASKED).read_text().splitlines()]
    assert asked[-1][:3] == ["corpus", "correct", "anna"] and Path(asked[-1][3]).name == saved.name
    assert user.complaints() == []


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_keeps_anybody_out(user: Browser, studio: Served, path: str, scheme: str) -> None:
    """axe finds nothing serious or critical, a narrow window holds it, and nothing is fetched elsewhere."""
    if path == "/studio/key":
        user.call("Network.clearBrowserCookies")
    user.open(studio.url + path, 500, scheme)
    user.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert user.evaluate("document.documentElement.scrollWidth") <= 500
    user.evaluate(AXE)
    assert user.evaluate(FAULTS) == []
    levels = user.evaluate(LEVELS)
    assert levels[0] == 1 and all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(address.startswith(studio.url) for address in user.requests())
    assert user.complaints() == []


def test_axe_finds_what_is_planted(user: Browser) -> None:
    """The check above can fail."""
    user.evaluate("document.querySelector('label[for=text]').remove()")
    user.evaluate(AXE)
    assert [name for name, _ in user.evaluate(FAULTS)] == ["label-title-only", "label"]
