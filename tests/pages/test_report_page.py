"""The voice's report, as HTML and in a browser."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artifacts.lineage import Action, Recording, lineage
from artifacts.manifest import Reject
from tasks.release.lineage_page import build_lineage_page
from tasks.release.page import (
    Comparison,
    Corpus,
    Curve,
    Distribution,
    Group,
    Metric,
    RejectLine,
    ReportData,
    Sound,
    Span,
    StageLine,
    Utterance,
    build_report,
)

RATE = 16_000
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'&\u202eabc"
MAX_PAGE_BYTES = 12_000_000


def _voice(duration_s: float) -> np.ndarray:
    """A buzz with a gliding pitch, silent in the middle."""
    t = np.arange(int(RATE * duration_s)) / RATE
    phase = 2 * np.pi * np.cumsum(140 + 40 * np.sin(2 * t)) / RATE
    buzz = sum(np.sin(k * phase) / k for k in range(1, 12))
    return (0.2 * buzz * (np.abs(t - duration_s / 2) > 0.2)).astype(np.float32)


def _utterance(name: str = "clip-1", text: str = "A short sentence.") -> Utterance:
    samples, frames = _voice(2.0), 100
    edges = np.linspace(0, 2, 11)
    phones = tuple(
        Span(label, float(a), float(b), -50.0)
        for label, a, b in zip("ðəkætsætɪn", edges, edges[1:], strict=False)
    )
    words = (Span("the", 0.0, 0.4, -50.0), Span("cat", 0.4, 1.0, -50.0), Span("sat", 1.0, 2.0))
    f0 = np.where(np.arange(frames) % 40 < 25, 150 + np.arange(frames) / 2, 0)
    mel = np.log(np.abs(np.random.default_rng(1).normal(size=(frames, 40))) + 1e-3)
    return Utterance(name, "ann", "en", text, samples, RATE, f0, mel, 50.0, phones, words, "hmm 1")


def _data() -> ReportData:
    records = [
        Action("ingest", "1" * 64, "a" * 64, {"scan": "0" * 64}, rows=3),
        Action("align", "2" * 64, "b" * 64, {"ingest": "a" * 64}, rows=3, rejects=1),
        Action("pitch", "3" * 64, "c" * 64, {"ingest": "a" * 64}, rows=3),
        Action(
            "export",
            "4" * 64,
            "d" * 64,
            {"align": "b" * 64, "pitch": "c" * 64, "ingest.rejects": "e" * 64},
            files={"voice.safetensors": "f" * 64},
        ),
    ]
    graph = lineage([Recording("r1", "a/r1.wav", "9" * 64, 2.0, 1)], "8" * 64, records, "export")
    utterance = _utterance()
    curve = tuple((float(step), 10 / (1 + step / 50)) for step in range(400))
    return ReportData(
        voice="ann",
        family="gpt-sovits",
        preset="tiny",
        corpus=Corpus(
            recordings=3,
            recorded_s=9.0,
            usable_clips=2,
            usable_s=6.0,
            held_out_clips=1,
            held_out_s=2.4,
            speakers=(Group("ann", 2, 6.0),),
            languages=(Group("en", 2, 6.0),),
            distributions=(Distribution("Duration", "s", (1.0, 2.0, 4.0), "", ((1.5, "min"),)),),
            rejects=(RejectLine("screen", Reject("c9", "low_snr", "snr_db", "3", "noisy", "again")),),
        ),
        utterances=(utterance,),
        comparisons=(
            Comparison("Sentence 1", "Hello.", "en", (Sound("Recording", utterance.samples, RATE),)),
        ),
        curves=(Curve("SoVITS", "mel", (("training", curve), ("validation", curve[::50]))),),
        metrics=(Metric("Mel distance", "dB", "lower", "0 is identical.", {"Text to speech": 0.8}),),
        stages=tuple(StageLine(r.name, r.rows, len(r.files), r.rejects, r.key, r.output) for r in records),
        lineage=graph,
        phases={"Corpus": [r.name for r in records]},
        config_yaml="seed: 1\n",
        notes=("Trained for minutes: proves the machinery.",),
    )


class _Page(HTMLParser):
    """Collects tags, attributes and addresses."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


@pytest.fixture(scope="module")
def data() -> ReportData:
    return _data()


@pytest.fixture(scope="module")
def pages(data: ReportData, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    made = {
        "report": build_report(data),
        "lineage": build_lineage_page(data.voice, data.lineage, data.phases),
    }
    for name, html in made.items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


def test_the_same_data_is_the_same_page(data: ReportData) -> None:
    assert build_report(data) == build_report(_data())


@pytest.mark.parametrize("name", ["report", "lineage"])
def test_nothing_comes_from_outside(pages: dict[str, Path], name: str) -> None:
    page = _Page(pages[name].read_text(encoding="utf-8"))
    addresses = page.values("src") + page.values("href") + page.values("xlink:href")
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert "url(" not in pages[name].read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["report", "lineage"])
def test_every_link_has_its_target_and_every_id_is_used_once(pages: dict[str, Path], name: str) -> None:
    page = _Page(pages[name].read_text(encoding="utf-8"))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {h[1:] for h in page.values("href") if h.startswith("#")} <= set(ids)


def test_hostile_names_and_texts_stay_text(data: ReportData) -> None:
    reject = Reject(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    span = Span(HOSTILE, 0.0, 1.0)
    hostile = replace(
        data,
        voice=HOSTILE,
        family=HOSTILE,
        corpus=replace(
            data.corpus,
            rejects=(RejectLine(HOSTILE, reject),),
            speakers=(Group(HOSTILE, 1, 1.0),),
        ),
        utterances=(replace(_utterance(HOSTILE, HOSTILE), phones=(span,), words=(span,)),),
        comparisons=(replace(data.comparisons[0], title=HOSTILE, text=HOSTILE, language=HOSTILE),),
        config_yaml=HOSTILE,
        notes=(HOSTILE,),
    )
    for html in (build_report(hostile), build_lineage_page(HOSTILE, data.lineage, data.phases)):
        page = _Page(html)
        assert page.tags.count("script") == 1
        assert not [name for _, name, _ in page.attributes if name.startswith("on")]
        assert "x" not in page.values("src")


def test_a_corpus_without_anything_to_show_still_has_a_page(data: ReportData) -> None:
    empty = replace(
        data,
        corpus=Corpus(0, 0.0, 0, 0.0, 0, 0.0, (), (), (Distribution("Duration", "s", (), ""),), ()),
        utterances=(),
        comparisons=(),
        curves=(Curve("SoVITS", "mel", (("training", ((1.0, float("nan")),)),)),),
        metrics=(Metric("Mel distance", "dB", "lower", "", {}),),
        stages=(),
        lineage=lineage([], "0" * 64, [], "export"),
        notes=(),
    )
    html = build_report(empty)
    assert "Nothing was rejected" in html
    assert "No finite value" in html


def test_what_is_learned_from_and_what_is_held_out_add_up_to_what_is_usable(data: ReportData) -> None:
    shown = re.sub(r"<[^>]+>", "", build_report(data))
    words = " ".join(shown.split())
    assert "learned from 3.6 s of speech in 1 clip, out of 3 recordings" in words
    assert "Usable0.1 min, 2 clips" in words
    assert "Learned from0.1 min, 1 clip" in words
    assert "Held out0.0 min, 1 clip" in words


def test_axes_have_units_and_more_than_one_tick_and_a_point_is_no_plot(data: ReportData) -> None:
    curves = (
        Curve("SoVITS", "Pitch error", (("training", ((0.0, 9.0), (50.0, 3.0))),), "cents", "Falls."),
        Curve("SoVITS", "Words misheard", (("validation", ((40.0, 0.25),)),), "per word"),
    )
    html = build_report(replace(data, curves=curves))
    charts = re.findall(r'<figure class="card chart">.*?</figure>', html, re.DOTALL)
    drawn = [
        chart for chart in charts if "<svg viewBox" in chart and "stroke s1" in chart and "<circle" in chart
    ]
    assert len(drawn) == 1
    for chart in drawn:
        assert ">cents</text>" in chart and ">step</text>" in chart and "Falls." in chart
        texts = re.findall(r"<text ([^>]*)>([^<]*)</text>", chart)
        assert sum('text-anchor="end"' in at and text not in ("step",) for at, text in texts) > 1
        assert sum('y="182"' in at for at, _ in texts) > 1
    assert "One point is no line: validation 0.25 per word." in html
    assert ">clips</text>" in html


def test_a_page_of_long_clips_stays_small(data: ReportData) -> None:
    rng = np.random.default_rng(0)
    loud = (0.1 * rng.normal(size=32_000 * 6)).astype(np.float32)
    long = replace(data.utterances[0], samples=loud, sample_rate=32_000)
    html = build_report(replace(data, utterances=(long,) * 6))
    assert len(html.encode()) < MAX_PAGE_BYTES


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(scheme: str) -> None:
    from tasks.release.templates.render import TEMPLATES

    css = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    palette = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", css)
    colours = {name: light if scheme == "light" else dark for name, light, dark in palette}
    pairs = [
        (text, ground)
        for text in ("ink", "muted", "accent", "second", "third", "fourth")
        for ground in ("paper", "card", "sunken")
    ] + [("note-ink", "note"), ("ink", "cell"), ("ink", "cell-other"), ("ink", "accent-soft")]
    for text, ground in [*pairs, ("on-accent", "accent"), ("accent", "accent-soft")]:
        assert _contrast(colours[text], colours[ground]) >= 4.5, (text, ground)


def test_every_class_that_the_style_names_is_on_a_page() -> None:
    from tasks.release.templates.render import TEMPLATES

    css = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    selectors = re.sub(r"\{[^{}]*\}|/\*.*?\*/", " ", css, flags=re.DOTALL)
    writers = [*TEMPLATES.glob("*.j2"), TEMPLATES / "page.js", *TEMPLATES.parent.glob("*page.py")]
    for room in ("listening_tests", "review"):
        pages = (TEMPLATES.parent.parent / room).rglob("*")
        writers += [path for path in pages if path.suffix in (".j2", ".js", ".html", ".py")]
    written = {word for path in writers for word in re.findall(r"[\w-]+", path.read_text(encoding="utf-8"))}
    named = set(re.findall(r"\.([A-Za-z][\w-]*)", selectors))
    assert len(named) > 60
    assert named <= written


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


# -- in Chromium


@pytest.mark.browser
@pytest.mark.parametrize("name", ["report", "lineage"])
def test_page_is_quiet_and_fits(browser: Any, pages: dict[str, Path], tmp_path: Path, name: str) -> None:
    for scheme, width in itertools.product(("light", "dark"), (1280, 500, 360)):
        looked_at = scheme, width
        browser.open(pages[name].as_uri(), width, scheme)
        assert browser.evaluate("document.documentElement.scrollWidth") == width, looked_at
        background = browser.evaluate("getComputedStyle(document.body).backgroundColor")
        brightness = sum(int(v) for v in re.findall(r"\d+", background)[:3]) / 3
        assert brightness > 200 if scheme == "light" else brightness < 60, looked_at
        assert browser.screenshot(tmp_path / "page.png").stat().st_size > 10_000, looked_at
        assert browser.complaints() == [], looked_at
        assert browser.requests() == [pages[name].as_uri()], looked_at


@pytest.mark.browser
def test_player_plays_seeks_and_follows_the_keyboard(browser: Any, pages: dict[str, Path]) -> None:
    browser.open(pages["report"].as_uri(), 1280)
    browser.evaluate("document.querySelector('.utterance .play').focus()")
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key=" ", code="Space", text=" ")
    playing = "document.querySelector('.utterance audio').currentTime > 0.05"
    assert browser.evaluate(f"new Promise(done => setInterval(() => {playing} && done(true), 20))")
    assert browser.evaluate("document.querySelector('.utterance .play').ariaLabel") == "Pause clip-1"
    assert float(browser.evaluate("document.querySelector('.head').getAttribute('x1')")[:-1]) > 0
    length = browser.evaluate("document.querySelector('.utterance audio').duration")
    assert length == pytest.approx(2.0, abs=0.02)
    assert browser.complaints() == []


@pytest.mark.browser
def test_pointing_at_the_picture_names_phone_word_and_pitch(browser: Any, pages: dict[str, Path]) -> None:
    browser.open(pages["report"].as_uri(), 1280)
    box = browser.evaluate(
        "(s => (s.scrollIntoView({behavior: 'instant'}), s.getBoundingClientRect().toJSON()))"
        "(document.querySelector('.score'))"
    )
    x, y = box["x"] + box["width"] * 0.25, box["y"] + 120
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    text = browser.evaluate("document.querySelector('.readout').textContent")
    seconds = float(text.split(" s")[0])
    assert seconds == pytest.approx(0.5, abs=0.01)
    assert "word cat" in text
    assert "phone k" in text
    assert "Hz" not in text or re.search(r"\d+ Hz", text)


@pytest.mark.browser
def test_a_node_of_the_graph_lights_what_it_comes_from(browser: Any, pages: dict[str, Path]) -> None:
    browser.open(pages["lineage"].as_uri(), 1280)
    browser.evaluate("document.querySelector('[data-name=align]').focus()")
    dim = browser.evaluate("[...document.querySelectorAll('a.off')].map(a => a.dataset.name)")
    assert dim == ["pitch"]


@pytest.mark.browser
def test_page_tells_everything_without_scripts(browser: Any, pages: dict[str, Path]) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(pages["report"].as_uri(), 1280)
        shown = browser.evaluate("getComputedStyle(document.querySelector('audio')).display")
        assert shown != "none"
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
