"""How well each aligner finds phone boundaries, and whether it notices when it failed.

    python -m bench.alignment [--speech FOLDER] [--quick]
    python -m bench.alignment --set FOLDER [--set FOLDER ...]

Truth: align-synth (the synthesisers' own segment times) and align-human (published segmentations).
Boundaries are the starts of all phones and the ends before pauses. On recordings without truth (ljs-mini,
kerstin-de) the table shows what every alignment must keep: loud time that no phone claims, and right and
swapped texts told apart.
--set measures other English sets with known times alone: `metadata.csv` (id|text), sound files, and phones
in ARPAbet as `.TextGrid`, `.lab` or `.json`.
Writes bench/results/alignment.json; rows that were not measured this time stay in it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table

from bench.alignment_truth import SILENT_LABELS, TIERS, read_truth
from bench.measuring import results
from configs.align import AlignSettings
from models.aligner import hmm_aligner, sphinx
from models.aligner.alignment import AlignError, Alignment, Interval
from models.aligner.arpabet import to_arpabet
from models.aligner.bootstrap import bootstrap
from models.aligner.hmm_aligner import Utterance
from models.aligner.quality import check_silence, require_sound
from models.aligner.textgrid import read_textgrid
from models.frontend.text.g2p import phonemize
from tasks.features.aligners import limits_of

ROOT = Path(__file__).resolve().parent.parent
ENGLISH_TABLE = "gpt-sovits-v2"
SOUNDS = (".wav", ".flac", ".ogg", ".mp3")
Align = Callable[[Utterance], Alignment]

# Australian SAMPA of the hand-segmented emuR clips; "H" is aspiration, part of the stop before it.
SAMPA = {
    "V": "AH", "@": "AH", "A": "AA", "O": "AO", "E": "EH", "I": "IH", "U": "UH", "i:": "IY", "u:": "UW",
    "@u": "OW", "ei": "EY", "ai": "AY", "o:": "AO", "@:": "ER", "S": "SH", "Z": "ZH", "T": "TH", "D": "DH",
    "N": "NG", "tS": "CH", "dZ": "JH", "j": "Y", "h": "HH", "r": "R", "l": "L", "w": "W",
    "db": "D", "dH": "D",
}  # fmt: skip


class Case(NamedTuple):
    """A clip with its phones as the truth names them, and the truth (silences included)."""

    name: str
    utterance: Utterance
    truth: Sequence[Interval]


class Row(NamedTuple):
    """One line of the table; errors in milliseconds, core-seconds per second of audio."""

    corpus: str
    aligner: str
    clips: int
    boundaries: int
    median_ms: float
    within_20_ms: float
    within_50_ms: float
    bias_ms: float
    cores: float


@lru_cache(maxsize=1)
def dictionary() -> dict[str, list[str]]:
    """pocketsphinx's own pronunciations, the first of each word."""
    from pocketsphinx import get_model_path

    found: dict[str, list[str]] = {}
    for line in Path(get_model_path("en-us/cmudict-en-us.dict")).read_text("utf-8").splitlines():
        word, *phones = line.split()
        found.setdefault(word, phones)
    return found


def arpabet(label: str) -> str:
    """Radio ARPAbet and stressed ARPAbet as the dictionary writes it: ax -> AH, AA1 -> AA."""
    return {"ax": "AH", "pt": "P"}.get(label.lower(), label.upper().rstrip("012"))


def from_published(label: str) -> str:
    """ARPAbet of praatIO's examples: one is ARPAbet, one IPA."""
    return {"œ": "AE", "PT": "P"}.get(label) or " ".join(to_arpabet(label) or [label])


def pairs(ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[int, int]]:
    """Positions of equal labels under the best edit-distance alignment."""
    n, m = len(ours), len(theirs)
    cost = np.add.outer(np.arange(n + 1.0), np.arange(m + 1.0))
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            swap = cost[i - 1, j - 1] + (0.0 if ours[i - 1] == theirs[j - 1] else 1.2)
            cost[i, j] = min(swap, cost[i - 1, j] + 1, cost[i, j - 1] + 1)
    matched = []
    i, j = n, m
    while i and j:
        equal = ours[i - 1] == theirs[j - 1]
        if cost[i, j] == cost[i - 1, j - 1] + (0.0 if equal else 1.2):
            i, j = i - 1, j - 1
            if equal:
                matched.append((i, j))
        elif cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    return matched[::-1]


def grouped(labels: Sequence[str], words: Sequence[str]) -> list[list[str]]:
    """The truth's phones by word: each goes where the dictionary's pronunciation puts it."""
    spellings = dictionary()
    known = [(phone, index) for index, word in enumerate(words) for phone in spellings[word]]
    anchors = dict(pairs([arpabet(label) for label in labels], [phone for phone, _ in known]))
    groups: list[list[str]] = [[] for _ in words]
    owner = 0
    for position, label in enumerate(labels):
        if position in anchors:
            owner = max(owner, known[anchors[position]][1])
        groups[owner].append(label)
    return groups


def read_synthetic(speech: Path, voices: Sequence[str] = ("",)) -> list[Case]:
    """align-synth, phones as ARPAbet, words from the text."""
    folder = speech / "align-synth"
    cases = []
    for line in (folder / "metadata.csv").read_text("utf-8").splitlines():
        name, text = line.split("|")
        if not name.startswith(tuple(voices)):
            continue
        samples, rate = soundfile.read(folder / "wavs" / f"{name}.flac", dtype="float32")
        tier = read_textgrid((folder / "textgrids" / f"{name}.TextGrid").read_text("utf-8"))["phones"]
        truth = [Interval(arpabet(i.label) if i.label != "pau" else "", i.start_s, i.end_s) for i in tier]
        words = re.sub(r"[^a-z' ]", "", text.lower()).split()
        spoken = [interval.label for interval in truth if interval.label]
        cases.append(Case(name, Utterance(samples, rate, words, grouped(spoken, words)), truth))
    return cases


def read_set(folder: Path) -> list[Case]:
    """Any English set with known times; clips with a word that the dictionary lacks are left out."""
    cases = []
    for line in (folder / "metadata.csv").read_text("utf-8").splitlines():
        name, *texts = line.split("|")
        words = re.sub(r"[^a-z' ]", "", texts[-1].lower()).split()
        sound = next(iter(sorted(p for p in folder.rglob(f"{name}.*") if p.suffix in SOUNDS)), None)
        if sound is None or any(word not in dictionary() for word in words):
            continue
        samples, rate = soundfile.read(sound, dtype="float32", always_2d=True)
        truth = [replace(i, label=arpabet(i.label) if i.label else "") for i in read_truth(folder, name)]
        spoken = [interval.label for interval in truth if interval.label]
        cases.append(Case(name, Utterance(samples.mean(axis=1), rate, words, grouped(spoken, words)), truth))
    return cases


def read_human(speech: Path) -> list[Case]:
    """The English align-human clips with a phone tier, labels as ARPAbet."""
    folder = speech / "align-human"
    cases = []
    for line in (folder / "metadata.csv").read_text("utf-8").splitlines():
        name, text = line.split("|")
        tiers = read_textgrid((folder / "textgrids" / f"{name}.TextGrid").read_text("utf-8"))
        tier = next((tiers[t] for t in TIERS if t in tiers), None)
        found = sorted((folder / "wavs").glob(f"{name}.*"))
        words = text.lower().split()
        if tier is None or not found or any(word not in dictionary() for word in words):
            continue
        samples, rate = soundfile.read(found[0], dtype="float32")
        truth: list[Interval] = []
        for interval in tier:
            if interval.label in SILENT_LABELS:
                truth.append(Interval("", interval.start_s, interval.end_s))
                continue
            label = interval.label
            if label == "H" and truth:
                truth[-1] = Interval(truth[-1].label, truth[-1].start_s, interval.end_s)
                continue
            label = SAMPA.get(label, arpabet(label)) if "Phonetic" in tiers else from_published(label)
            truth.append(Interval(label, interval.start_s, interval.end_s))
        spoken = [interval.label for interval in truth if interval.label]
        groups = grouped(spoken, words)
        mono = samples.mean(axis=1) if samples.ndim == 2 else samples
        cases.append(Case(name, Utterance(mono, rate, words, groups), truth))
    return cases


def errors_s(alignment: Alignment, truth: Sequence[Interval]) -> list[float]:
    """Signed boundary errors of every phone that both name alike: starts, and ends before a pause."""
    ours = [phone for phone in alignment.phones if not np.isnan(phone.score)]
    theirs = [interval for interval in truth if interval.label]
    pauses = {i.end_s for i, following in itertools.pairwise(truth) if i.label and not following.label}
    found = []
    labels = [arpabet(phone.label) for phone in ours]
    for i, j in pairs(labels, [interval.label for interval in theirs]):
        found.append(ours[i].start_s - theirs[j].start_s)
        if theirs[j].end_s in pauses:
            found.append(ours[i].end_s - theirs[j].end_s)
    return found


def measure(corpus: str, name: str, cases: Sequence[Case], make: Callable[[], Align]) -> Row:
    """Accuracy and cost of one aligner, its training included."""
    started = time.process_time()
    align = make()
    errors: list[float] = []
    for case in cases:
        errors += errors_s(align(case.utterance), case.truth)
    spent = time.process_time() - started
    milliseconds = np.array(errors) * 1000
    seconds = sum(len(case.utterance.samples) / case.utterance.sample_rate for case in cases)
    return Row(
        corpus,
        name,
        len(cases),
        len(errors),
        float(np.median(np.abs(milliseconds))),
        float(np.mean(np.abs(milliseconds) <= 20.0)),
        float(np.mean(np.abs(milliseconds) <= 50.0)),
        float(np.median(milliseconds)),
        spent / seconds,
    )


def from_text(cases: Sequence[Case], pronounce: Callable[[str], list[str]]) -> list[Case]:
    """The same clips with phones from a dictionary or G2P instead of the truth's."""
    return [
        case._replace(
            utterance=case.utterance._replace(
                phones_per_word=[pronounce(word) for word in case.utterance.words]
            )
        )
        for case in cases
    ]


def by_sphinx() -> Align:
    return lambda utterance: sphinx.align(*utterance)


def by_hmm(cases: Sequence[Case], synthetic: bool) -> Align:
    """Trained on the very clips: flat start, or from synthetic speech of their texts."""
    utterances = [case.utterance for case in cases]
    model = bootstrap(utterances, "en-us") if synthetic else hmm_aligner.train(utterances)
    return lambda utterance: hmm_aligner.align(model, *utterance)


def g2p(word: str) -> list[str]:
    return phonemize(word, "en", ENGLISH_TABLE).phones


def accuracy_of_set(folder: Path) -> list[Row]:
    """Every aligner on one set with known times, the HMM trained on its very clips."""
    cases = read_set(folder)
    return [
        measure(folder.name, "pocketsphinx (auto)", cases, by_sphinx),
        measure(folder.name, "hmm, flat start", cases, lambda: by_hmm(cases, False)),
        measure(folder.name, "hmm, bootstrapped", cases, lambda: by_hmm(cases, True)),
    ]


def kept(before: Sequence[dict[str, Any]], now: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of now, and those of before that were not measured again, in the order of before."""
    rows = {(row["corpus"], row["aligner"]): row for row in before}
    rows.update({(row["corpus"], row["aligner"]): row for row in now})
    return list(rows.values())


def accuracy(speech: Path, quick: bool) -> list[Row]:
    """All accuracy rows."""
    spellings = dictionary()
    every = read_synthetic(speech)
    rows = [measure("align-synth", "pocketsphinx (auto)", every, by_sphinx)]
    dictionary_cases = from_text(every, lambda word: spellings[word])
    rows.append(measure("align-synth, dictionary", "pocketsphinx (auto)", dictionary_cases, by_sphinx))
    rows.append(measure("align-synth, G2P", "pocketsphinx (auto)", from_text(every, g2p), by_sphinx))
    human = read_human(speech)
    rows.append(measure("align-human", "pocketsphinx (auto)", human, by_sphinx))
    voices = ["flite_slt"] if quick else sorted({case.name.rsplit("_", 1)[0] for case in every})
    for voice in voices:
        cases = [case for case in every if case.name.startswith(voice)]
        seconds = sum(len(c.utterance.samples) / c.utterance.sample_rate for c in cases)
        corpus = f"{voice}, {seconds:.0f} s"
        rows.append(measure(corpus, "hmm, flat start", cases, lambda c=cases: by_hmm(c, False)))
        rows.append(measure(corpus, "hmm, bootstrapped", cases, lambda c=cases: by_hmm(c, True)))
        if len(cases) > 12:
            few = cases[:6]
            rows.append(measure(f"{voice}, 6 clips", "hmm, bootstrapped", few, lambda c=few: by_hmm(c, True)))
    return rows


class Safety(NamedTuple):
    """What holds on recordings without truth; ratios 0-1.

    loud_silence: loud share of the time labelled silence, all clips together; swallowed: largest share of a
    clip's loud time without a phone; accepted: of right texts; swapped_accepted: of another clip's texts.
    """

    corpus: str
    aligner: str
    clips: int
    loud_silence: float
    swallowed: float
    accepted: float
    swapped_accepted: float
    cores: float


def read_corpus(speech: Path, corpus: str, language: str, n_clips: int) -> list[Utterance]:
    """Clips of an LJSpeech-style folder with phones from the text front end."""
    utterances = []
    for line in (speech / corpus / "metadata.csv").read_text("utf-8").splitlines()[:n_clips]:
        name, *texts = line.split("|")
        samples, rate = soundfile.read(speech / corpus / "wavs" / f"{name}.flac", dtype="float32")
        spoken = phonemize(texts[-1], language, ENGLISH_TABLE if language == "en" else "ipa")
        edges = np.cumsum([0, *spoken.word2ph])
        phones = [spoken.phones[a:b] for a, b in itertools.pairwise(edges)]
        utterances.append(Utterance(samples, rate, spoken.words, phones))
    return utterances


def safety(corpus: str, name: str, utterances: Sequence[Utterance], make: Callable[[], Align]) -> Safety:
    """Right and swapped texts through an aligner and its checks."""
    backend = sphinx.NAME if name.startswith(sphinx.NAME) else hmm_aligner.NAME
    limits = limits_of(AlignSettings(), backend)
    started = time.process_time()
    align = make()
    aligned = [align(utterance) for utterance in utterances]
    spent = time.process_time() - started
    checks = [
        check_silence(a.phones, u.samples, u.sample_rate) for a, u in zip(aligned, utterances, strict=True)
    ]

    def accepted(utterance: Utterance) -> bool:
        try:
            alignment = align(utterance)
            silence = check_silence(alignment.phones, utterance.samples, utterance.sample_rate)
            require_sound(alignment, silence, limits)
        except AlignError:
            return False
        return True

    swapped = [
        u._replace(words=other.words, phones_per_word=other.phones_per_word)
        for u, other in zip(utterances, [*utterances[1:], utterances[0]], strict=True)
    ]
    return Safety(
        corpus,
        name,
        len(utterances),
        sum(c.loud_s for c in checks) / sum(c.silence_s for c in checks),
        max(c.swallowed_ratio for c in checks),
        float(np.mean([accepted(u) for u in utterances])),
        float(np.mean([accepted(u) for u in swapped])),
        spent / sum(len(u.samples) / u.sample_rate for u in utterances),
    )


def all_safety(speech: Path, quick: bool) -> list[Safety]:
    """Safety rows of the tightly trimmed corpora."""
    english = read_corpus(speech, "ljs-mini", "en", 5 if quick else 1000)
    german = read_corpus(speech, "kerstin-de", "de", 20 if quick else 1000)

    def hmm(utterances: Sequence[Utterance], voice: str | None) -> Align:
        model = bootstrap(utterances, voice) if voice else hmm_aligner.train(utterances)
        return lambda utterance: hmm_aligner.align(model, *utterance)

    return [
        safety("ljs-mini", "pocketsphinx (auto)", english, by_sphinx),
        safety("ljs-mini", "hmm, flat start", english, lambda: hmm(english, None)),
        safety("ljs-mini", "hmm, bootstrapped", english, lambda: hmm(english, "en-us")),
        safety("kerstin-de", "hmm, flat start (auto)", german, lambda: hmm(german, None)),
        safety("kerstin-de", "hmm, bootstrapped", german, lambda: hmm(german, "de")),
    ]


def show(title: str, rows: Sequence[Any], console: Console) -> None:
    """A table of named tuples; shares as percentages."""
    table = Table(title=title)
    shares = {"within_20_ms", "within_50_ms", "loud_silence", "swallowed", "accepted", "swapped_accepted"}
    for field in rows[0]._fields:
        table.add_column(
            field.replace("_", " "), justify="right" if field not in ("corpus", "aligner") else "left"
        )
    for row in rows:
        cells = []
        for field, value in row._asdict().items():
            if field in shares:
                cells.append(f"{value:.1%}")
            else:
                cells.append(f"{value:.2f}" if isinstance(value, float) else str(value))
        table.add_row(*cells)
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--speech", type=Path, default=ROOT.parent / "shared" / "speech")
    parser.add_argument("--quick", action="store_true", help="one voice and a few clips")
    parser.add_argument("--set", type=Path, action="append", default=[], dest="sets", metavar="FOLDER")
    arguments = parser.parse_args()
    console = Console(width=150)
    safe: list[Safety] = []
    if arguments.sets:
        accurate = [row for folder in arguments.sets for row in accuracy_of_set(folder)]
    else:
        accurate = accuracy(arguments.speech, arguments.quick)
        safe = all_safety(arguments.speech, arguments.quick)
    show("Phone boundaries against known times", accurate, console)
    if safe:
        show("Loud silence and swapped texts", safe, console)
    file = results.FOLDER / "alignment.json"
    before = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    measured: dict[str, Sequence[Any]] = {"accuracy": accurate, "safety": safe}
    results.write(
        "alignment",
        {name: kept(before.get(name, []), [r._asdict() for r in rows]) for name, rows in measured.items()},
    )


if __name__ == "__main__":
    main()
