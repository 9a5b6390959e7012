"""MLflow's own pages of a recorded run, looked at in Chromium: the parent, a child, the lineage page.

The screenshots are kept in the folder that VOICEWRIGHT_SCREENSHOTS names, else in pytest's.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from artifacts.lineage import Action, Recording, lineage
from artifacts.tracking import StageRecord, Tracker
from flows import registry, services
from flows.supervisor import answers
from tasks.release.lineage_page import build_lineage_page
from tasks.versions.record import VersionEntry, VersionsRecord

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 1400
WAIT_S = 90.0
MADE, READ = "ab" * 32, "cd" * 32

VERDICT = "strangers understand it (error rate 0.03 ± 0.02; recordings 0.02)"
VERSION: VersionEntry = {
    "number": 1,
    "made_at": "2026-01-01T00:00:00+00:00",
    "preset": "kokoro-fit",
    "output": MADE,
    "stages": {},
    "hours": 0.2,
    "clips": 90,
    "metrics": {"sentences/word_error_rate": 0.031, "text/independent_similarity": 0.79},
    "verdict": VERDICT,
    "decision": "the first version",
}
VERSIONS: VersionsRecord = {
    "last": 1,
    "champion": 1,
    "registered": 1,
    "versions": [VERSION],
    "changes": [],
}

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@dataclass(frozen=True)
class Pages:
    url: str
    experiment: str
    parent: str
    child: str

    def of(self, run: str, tab: str = "") -> str:
        return f"{self.url}/#/experiments/{self.experiment}/runs/{run}{tab}"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """A recorded run and an MLflow server that shows it."""
    place = tmp_path_factory.mktemp("mlflow")
    graph = lineage(
        [Recording("r1", "wavs/r1.flac", READ, 3.2, 1)],
        READ,
        [
            Action("ingest", "k1", READ, {}, 1),
            Action("export", "k2", MADE, {"ingest": READ}, 0, 0, {"voice.json": MADE}),
        ],
        "export",
    )
    page = place / "lineage.html"
    page.write_text(build_lineage_page("lj", graph, {"Corpus": ("ingest",), "Release": ("export",)}))
    tracker = Tracker(f"sqlite:///{place / 'mlflow.db'}", "voicewright", str(place / "files"))
    tracker.start("lj", {"preset": "tiny"}, {"code.version": "0.1.0"})
    child = tracker.stage(
        StageRecord(
            "train_sovits",
            "computed",
            MADE,
            inputs={"shard": READ},
            params={"train.sovits.max_steps": 200},
            metrics={"rows": 7.0},
            series={"loss/mel": [(step, 40.0 / (1 + step / 30)) for step in range(200)]},
        )
    )
    tracker.log_files(tracker.run_id, {"lineage/lineage.html": page})
    tracker.finish("FINISHED", "2 stages, computed: train_sovits")
    tracker.registry.register("lj", child, MADE)
    tracker.registry.describe("lj", MADE, registry.description(VERSIONS, 1, "lj"), registry.in_lists(VERSION))
    tracker.registry.describe_voice("lj", registry.voice_description(VERSIONS, "lj"))
    tracker.registry.point("lj", {"champion": MADE, "challenger": None})
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    [server] = [one for one in services.plan(place, 1, port).services if one.name == "mlflow"]
    command = [
        part.replace(str(place / "mlflow" / "mlflow.db"), str(place / "mlflow.db")) for part in server.command
    ]
    environment = {**os.environ, **services.plan(place, 1, port).environment}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + WAIT_S
        while not answers(port, "/health"):
            assert process.poll() is None and time.monotonic() < deadline, "MLflow did not start"
            time.sleep(0.1)
        yield Pages(f"http://127.0.0.1:{port}", tracker.experiment_id, tracker.run_id, child)
    finally:
        process.terminate()
        process.wait(30)


def shown(browser: Any, url: str, *texts: str) -> str:
    """The page's text once all of these stand in it."""
    # A new address behind `#` alone does not load a page.
    browser.open("about:blank", WIDTH)
    browser.open(url, WIDTH)
    deadline = time.monotonic() + WAIT_S
    while True:
        text: str = browser.evaluate("document.body.innerText")
        if all(wanted in text for wanted in texts):
            return text
        assert time.monotonic() < deadline, f"{texts} not all in:\n{text}"
        time.sleep(0.2)


def wait_for_link(browser: Any, run: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not browser.evaluate(f"!!document.querySelector('a[href*=\"{run}\"]')"):
        assert time.monotonic() < deadline, f"no link to {run}"
        time.sleep(0.2)


def test_the_parent_run_shows_stages_measures_and_its_child(browser: Any, pages: Pages, kept: Path) -> None:
    shown(browser, pages.of(pages.parent), "lj", "Finished", "train_sovits.rows", "preset")
    wait_for_link(browser, pages.child)
    assert browser.screenshot(kept / "mlflow-parent.png", whole=False).stat().st_size > 20_000


def test_a_child_run_shows_digests_settings_and_its_parent(browser: Any, pages: Pages, kept: Path) -> None:
    text = shown(browser, pages.of(pages.child), "train_sovits", "train.sovits.max_steps", "loss/mel")
    assert MADE[:8] in text
    wait_for_link(browser, pages.parent)
    assert browser.screenshot(kept / "mlflow-child.png", whole=False).stat().st_size > 20_000


def test_the_lineage_page_is_drawn_in_the_artifacts_tab(browser: Any, pages: Pages, kept: Path) -> None:
    shown(browser, pages.of(pages.parent, "/artifacts/lineage/lineage.html"), "lineage.html")
    deadline = time.monotonic() + WAIT_S
    frame = "document.querySelector('iframe')"
    while not browser.evaluate(f"!!({frame} && ({frame}.srcdoc || {frame}.src))"):
        assert time.monotonic() < deadline, "no frame with the page"
        time.sleep(0.2)
    time.sleep(1.0)
    assert browser.screenshot(kept / "mlflow-lineage.png", whole=False).stat().st_size > 20_000


def test_a_voice_says_what_it_is_worth_and_its_versions_are_a_table(
    browser: Any, pages: Pages, kept: Path
) -> None:
    shown(browser, f"{pages.url}/#/models/lj", "lj@1 is live", VERDICT, "champion")
    rows = browser.evaluate("[...document.querySelectorAll('table tr')].map(row => row.innerText)")
    assert any("words misheard" in row and "similarity" in row for row in rows)
    assert any("lj@1 (live)" in row and "0.03" in row and "12.0" in row for row in rows)
    assert browser.screenshot(kept / "mlflow-voice.png", whole=False).stat().st_size > 20_000


def test_from_the_champion_to_the_recordings_are_two_clicks(browser: Any, pages: Pages, kept: Path) -> None:
    shown(browser, f"{pages.url}/#/models/lj/versions/1", VERDICT, "learned from", "Lineage")
    browser.screenshot(kept / "mlflow-version.png", whole=False)
    link = browser.evaluate("[...document.querySelectorAll('a')].find(a => a.textContent === 'Lineage').href")
    shown(browser, link, "lineage.html")
    page = """(async () => {
        const frame = document.querySelector("iframe");
        return frame?.srcdoc || (frame?.src ? await (await fetch(frame.src)).text() : "");
    })()"""
    deadline = time.monotonic() + WAIT_S
    while "r1.flac" not in (browser.evaluate(page)):
        assert time.monotonic() < deadline, "the lineage page does not show the recordings"
        time.sleep(0.2)
    time.sleep(1.0)
    browser.screenshot(kept / "mlflow-lineage-of-champion.png", whole=False)
