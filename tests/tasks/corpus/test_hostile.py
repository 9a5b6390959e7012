"""Broken and malicious input: what scanning and decoding must refuse, each item by its expected verdict."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from configs.corpus import CorpusSettings
from configs.errors import UserError
from tasks.corpus.ingest import ingest_rows
from tasks.corpus.scan import scan_recordings
from tasks.corpus.stages import INGEST
from tasks.stage import ConfigView, Reject
from tests.speech.hostile import ITEMS, Item

pytestmark = [pytest.mark.hostile, pytest.mark.slow]

# The fixture's codes by ours, where they differ.
THEIR_CODES = {"damaged": "truncated", "bad_row": "bad_metadata"}

# Verdicts that need speech to be looked at, by later stages: here they must pass undamaged.
LATER = {"no_speech", "clipping", "text_mismatch", "no_words", "rate_outlier", "too_little_data"}


@dataclass
class Verdicts:
    """What became of everything in the folder, by path inside it."""

    used: dict[str, dict]
    rejects: dict[str, Reject]
    warnings: list[str]
    seconds: float


@pytest.fixture(scope="module")
def verdicts(hostile, tmp_path_factory) -> Verdicts:
    started = time.monotonic()
    settings = CorpusSettings()
    found = scan_recordings(hostile, settings, tmp_path_factory.mktemp("cache") / "digests.json")
    view = ConfigView(SimpleNamespace(corpus=settings), INGEST.config)
    used, warnings = {}, list(found.warnings)
    rejects = {one.row_id: one for one in found.rejects}
    for row in found.rows:
        (outcome,) = ingest_rows([row], view, {})
        warnings += outcome.warnings
        if outcome.rows:
            used[row["source_path"]] = dict(outcome.rows[0])
        for one in outcome.rejects:
            rejects[row["source_path"]] = one
    return Verdicts(used, rejects, warnings, time.monotonic() - started)


def code_of(one: Reject) -> str:
    return THEIR_CODES.get(one.code, one.code)


def test_every_item_gets_its_verdict(verdicts):
    """Collects all deviations, so that one does not hide the next."""
    wrong = []
    for item in ITEMS:
        complaint = deviation(item, verdicts)
        if complaint:
            wrong.append(f"{item.path!r} ({item.expected} {item.code}): {complaint}")
    assert not wrong, "\n".join(wrong)


def deviation(item: Item, verdicts: Verdicts) -> str | None:
    """Why an item's verdict is not the expected one, or None."""
    path, expected, code = item
    inside = f"{path}/"
    used = {p: row for p, row in verdicts.used.items() if p == path or p.startswith(inside)}
    rejects = {p: one for p, one in verdicts.rejects.items() if p == path or p.startswith(inside)}
    codes = {code_of(one) for one in rejects.values()}
    reported = [w for w in verdicts.warnings if w.startswith((f"{path}:", f"{path}/"))]
    if expected == "bait":
        return "used" if used else None
    if code in LATER:
        return None if used and not rejects else f"not left to a later stage: {codes}"
    if expected in ("ok", "ok_convert"):
        return None if used and not rejects else f"refused: {codes}"
    if expected == "ok_or_reject":
        return None if used or code in codes else f"neither used nor refused as {code}: {codes}"
    if expected == "warn":
        return None if used and reported else "not used, or not reported"
    if expected == "warn_or_reject":
        return None if code in codes or (used and reported) else f"passed silently: {codes}"
    if code not in codes:
        return f"not refused as {code}: {codes}"
    if expected == "reject_items":
        return None if used else "the good rows are gone"
    return f"used: {list(used)}" if used else None


def test_every_refusal_says_why_and_what_to_do(verdicts):
    for one in verdicts.rejects.values():
        assert one.reason and one.remedy and one.field


def test_time_is_bounded(verdicts):
    assert verdicts.seconds < 60


def test_conversions_lose_no_speech(verdicts):
    good = verdicts.used["audio/good.wav"]
    for item in ITEMS:
        made = verdicts.used.get(item.path)
        if made is None or item.code not in ("downmix", "antiphase", "peak_over_1", "low_level"):
            continue
        assert made["duration_s"] == pytest.approx(good["duration_s"], abs=0.1)
        assert made["conversions"], item.path


def test_each_set_alone(hostile, tmp_path):
    """A refused set by itself is one clear error, any other works by itself too."""
    for item in ITEMS:
        if not item.path.startswith("datasets/"):
            continue
        refused = item.expected == "reject_dataset" or item.code == "encoding"
        try:
            found = scan_recordings(hostile / item.path, CorpusSettings(), tmp_path / "digests.json")
        except UserError as error:
            assert refused, item.path
            assert item.code in str(error)
        else:
            assert not refused and found.rows, item.path


def test_the_encoding_setting_mends_latin_1(hostile, tmp_path):
    settings = CorpusSettings(encoding="latin-1")
    found = scan_recordings(hostile / "datasets" / "latin1", settings, tmp_path / "digests.json")
    assert "Café naïve déjà vu" in {row["text"] for row in found.rows}
