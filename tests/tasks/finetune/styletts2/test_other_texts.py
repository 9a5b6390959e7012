"""Texts for the SLM adversary that no clip says: whose they are, and that they come to be spoken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from configs.errors import UserError
from configs.phonemize import PhonemizeSettings
from configs.train_styletts2 import SlmSettings
from tasks.finetune.styletts2 import recipe
from tasks.finetune.styletts2.stages import OTHER_PHONES, OTHER_TEXTS
from tasks.outcome import Produced
from tasks.stage import function_of
from tests.tasks.finetune import synthetic
from tests.tasks.finetune.styletts2 import case


def texts(tmp_path: Path, languages: Sequence[str | None], **slm: Any) -> Produced:
    """What the stage makes of a corpus in these languages."""
    settings = SimpleNamespace(train=SimpleNamespace(styletts2=SimpleNamespace(slm=SlmSettings(**slm))))
    inputs = synthetic.FakeInputs(tables={"phonemize": pa.table({"language": languages})})
    cfg = synthetic.view(OTHER_TEXTS, settings)
    return function_of(OTHER_TEXTS)(inputs, cfg, synthetic.work(tmp_path / "work"))


@pytest.mark.slow
def test_english_and_german_sentences_come_along_and_can_be_read(tmp_path: Path) -> None:
    made = texts(tmp_path, ["en-us", "de", None, "de"])
    assert not made.warnings
    for language in ("en-us", "de"):
        own = [row["text"] for row in made.rows if row["language"] == language]
        assert len(set(own)) == len(own) >= 100
        assert all(50 <= len(text) <= 120 for text in own)
    assert len({row["utterance_id"] for row in made.rows}) == len(made.rows)

    settings = SimpleNamespace(features=SimpleNamespace(phonemize=PhonemizeSettings()), family=case.FAMILY)
    cfg = synthetic.view(OTHER_PHONES, settings)
    outcomes = function_of(OTHER_PHONES)(list(made.rows), cfg, {})
    assert not [reject for outcome in outcomes for reject in outcome.rejects]
    assert not [row["unknown"] for outcome in outcomes for row in outcome.rows if row["unknown"]]


def test_a_folder_of_ones_own_takes_their_place(tmp_path: Path) -> None:
    long = "This sentence is certainly long enough to be spoken by someone."
    (tmp_path / "en.txt").write_text(f"\ufeff{long}\nShort.\n\n{long}\n", encoding="utf-8")
    made = texts(tmp_path, ["en", "de"], other_texts=str(tmp_path))
    assert [row["text"] for row in made.rows] == [long]
    missing, short = sorted(made.warnings)
    assert "1 lines of" in short and "fewer than 50 characters" in short
    assert "in language de" in missing and "de.txt" in missing
    (tmp_path / "en.txt").write_text("Short.\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"none of the 1 lines of .*en\.txt has 50 characters"):
        texts(tmp_path, ["en"], other_texts=str(tmp_path))
    (tmp_path / "en.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"en\.txt cannot be read as UTF-8"):
        texts(tmp_path, ["en"], other_texts=str(tmp_path))


@pytest.mark.parametrize("off", [{"model": None}, {"adversary": None}])
def test_without_the_adversary_there_are_none(tmp_path: Path, off: dict[str, Any]) -> None:
    assert not texts(tmp_path, ["en"], **off).rows


@pytest.mark.slow
def test_the_adversary_is_given_their_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = list[Sequence[Sequence[int]]]()

    class Adversary(recipe.SlmAdversary):
        def __init__(self, networks: Any, rule: Any, other_texts: Sequence[Sequence[int]] = ()) -> None:
            given.append(other_texts)
            super().__init__(networks, rule, other_texts)

    monkeypatch.setattr(recipe, "SlmAdversary", Adversary)
    files = {"shard": case.write_shards(tmp_path / "shards")}
    files["train_styletts2_stage1"] = dict(case.train("stage1", files, tmp_path / "first").files)
    case.train("stage2", files, tmp_path / "second", slm=case.slm(tmp_path / "wavlm"))
    # Of `hello world` and `low hello`, with the pad around each and the space between the words.
    assert [len(text) for text in given[0]] == [13, 11]
