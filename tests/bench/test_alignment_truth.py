"""The alignment bench: known times in any of their forms, and rows that stay."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.alignment import kept, read_set
from bench.alignment_truth import read_truth

FORMS = {
    "seconds.lab": "0.0 0.1 pau\n0.1 0.25 k\n0.25 0.5 ae\n0.5 0.6 t\n",
    "htk.lab": "0 1000000 sil\n1000000 2500000 k\n2500000 5000000 ae\n5000000 6000000 t\n",
    "xwaves.lab": "separator ;\nnfields 1\n#\n 0.1 125 pau\n 0.25 125 k\n 0.5 125 ae\n 0.6 125 t\n",
    "list.json": json.dumps([[0, 0.1, ""], [0.1, 0.25, "k"], [0.25, 0.5, "ae"], [0.5, 0.6, "t"]]),
    "objects.json": json.dumps(
        {
            "phones": [
                {"label": "pau", "start": 0, "end": 0.1},
                {"label": "k", "start": 0.1, "end": 0.25},
                {"label": "ae", "start": 0.25, "end": 0.5},
                {"label": "t", "start": 0.5, "end": 0.6},
            ]
        }
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_truth_is_read_in_every_form(tmp_path: Path, form: str) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / f"clip{Path(form).suffix}").write_text(FORMS[form])
    truth = read_truth(tmp_path, "clip")
    assert [i.label for i in truth] == ["", "k", "ae", "t"]
    assert [i.start_s for i in truth] == pytest.approx([0, 0.1, 0.25, 0.5])
    assert [i.end_s for i in truth] == pytest.approx([0.1, 0.25, 0.5, 0.6])


def test_mfas_json_is_truth_too_and_none_is_an_error(tmp_path: Path) -> None:
    tiers = {name: {"type": "interval", "entries": [[0.1, 0.5, label]]} for name, label in
             (("words", "cat"), ("phones", "k"))}  # fmt: skip
    (tmp_path / "clip.json").write_text(json.dumps({"start": 0, "end": 1, "tiers": tiers}))
    assert [(i.label, i.start_s) for i in read_truth(tmp_path, "clip")] == [("k", 0.1)]
    with pytest.raises(ValueError, match=r"other"):
        read_truth(tmp_path, "other")


def test_a_set_becomes_cases(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("clip|A cat!\nmute|A dog\n")
    (tmp_path / "clip.lab").write_text("0.0 0.1 ax\n" + FORMS["seconds.lab"].partition("\n")[2])
    soundfile.write(tmp_path / "clip.wav", np.zeros((9600, 2)), 16000)
    (case,) = read_set(tmp_path)
    assert case.utterance.words == ["a", "cat"]
    assert case.utterance.phones_per_word == [["AH"], ["K", "AE", "T"]]
    assert case.utterance.samples.shape == (9600,)


def test_rows_that_were_not_measured_again_stay() -> None:
    def row(corpus: str, value: int) -> dict[str, object]:
        return {"corpus": corpus, "aligner": "hmm", "clips": value}

    assert kept([row("a", 1), row("b", 1)], [row("b", 2), row("c", 2)]) == [
        row("a", 1), row("b", 2), row("c", 2)
    ]  # fmt: skip
