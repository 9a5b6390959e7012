"""The stage `report`: what a person looks at when the voice is done.

Reads every stage's rows, rejects and record, and writes `report.html`, `lineage.html` and figures for the
tracking server. It holds no times, so that the same data is always the same page; the same data under
another voice's name is another page.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from artifacts.lineage import Action, Lineage, Recording, lineage
from models.frontend.audio import decode_flac, resample
from tasks.release import figures
from tasks.release.clips import clip_facts
from tasks.release.lineage_page import build_lineage_page
from tasks.release.listening import comparisons, metrics
from tasks.release.page import (
    Corpus,
    Curve,
    Distribution,
    Group,
    RejectLine,
    ReportData,
    Span,
    StageLine,
    Utterance,
    build_report,
)
from tasks.release.quantities import quantity
from tasks.stage import SCAN, ConfigView, Inputs, Produced, Work

TYPICAL_CLIPS, WORST_CLIPS = 4, 2
COMFORTABLE_S = (2.0, 8.0)
PLAYER_RATE_LIMIT = 32_000
_OPTIONS = ("voice", "preset")
"""What is given beside a file of settings; in it stands the preset as its base."""


@dataclass(frozen=True)
class ReportedFamily:
    """What a family's pages tell beyond what all voices share.

    Attributes:
        networks: Training stages and what people call what they train.
        variant: The family's name and variant, from the settings.
        remarks: What a person should know of this training, from the settings, each training stage's
            `config.json` and the seconds of speech that it learned from.
    """

    networks: Mapping[str, str]
    variant: Callable[[ConfigView], str]
    remarks: Callable[[ConfigView, Mapping[str, Mapping[str, Any]], float], Iterable[str]]


EXAMPLE_COLUMNS = [
    "utterance_id",
    "speaker",
    "language",
    "text",
    "audio",
    "mel",
    "n_frames",
    "n_mels",
    "f0_hz",
    "frame_rate_hz",
]


def report_corpus(
    family: ReportedFamily, inputs: Inputs, cfg: ConfigView, work: Work, phases: Mapping[str, Sequence[str]]
) -> Produced:
    """Write the pages and figures.

    Args:
        family: What is the family's own.
        inputs, cfg, work: Of the stage.
        phases: Every stage that the pages tell of, in order, by the part of the pipeline it belongs to.
    """
    records = {name: inputs.record(name) for stages in phases.values() for name in stages}
    graph = _lineage(inputs, records.values())
    data = report_data(family, inputs, cfg, records, graph, phases)
    files = {
        "report.html": build_report(data).encode(),
        "lineage.html": build_lineage_page(data.voice, graph, phases).encode(),
        **_figures(data, family.networks),
    }
    for name, content in files.items():
        path = work.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return Produced(
        files={name: work.dir / name for name in files},
        metrics={"page_bytes": float(len(files["report.html"]))},
    )


def report_data(
    family: ReportedFamily,
    inputs: Inputs,
    cfg: ConfigView,
    records: Mapping[str, Mapping[str, Any]],
    graph: Lineage,
    phases: Mapping[str, Sequence[str]],
) -> ReportData:
    """Gather everything the page shows."""
    screen = inputs.table("screen").to_pylist()
    trained = {name: _read_json(inputs, name, "config.json") for name in family.networks}
    splits = {clip.utterance_id: clip.split for clip in clip_facts(inputs.files("shard"))}
    corpus = _corpus(inputs, cfg, screen, splits, records)
    return ReportData(
        voice=cfg.voice,
        family=family.variant(cfg),
        preset=cfg.preset,
        corpus=corpus,
        utterances=tuple(_utterances(inputs, _of_training(screen, splits))),
        comparisons=tuple(comparisons(inputs.files("synthesize"))),
        curves=tuple(
            curve
            for stage, name in family.networks.items()
            for curve in _curves(name, _read_json(inputs, stage, "curves.json"))
        ),
        metrics=tuple(metrics(inputs.files("evaluate"))),
        stages=tuple(
            StageLine(name, r["rows"], len(r["files"]), r["rejects"], r["key"], r["output"])
            for name, r in records.items()
        ),
        lineage=graph,
        phases=phases,
        config_yaml=settings_file(cfg),
        verdict=_read_json(inputs, "evaluate", "evaluation.json").get("verdict", ""),
        notes=tuple(family.remarks(cfg, trained, corpus.usable_s - corpus.held_out_s)),
        warnings=tuple((name, text) for name, r in records.items() for text in r["warnings"]),
    )


def _lineage(inputs: Inputs, records: Iterable[Mapping[str, Any]]) -> Lineage:
    recording_of = _columns(inputs, "segment", "utterance_id", "recording_id")
    accepted = inputs.table("screen", ["utterance_id"]).column("utterance_id").to_pylist()
    used = Counter(recording_of[utterance_id] for utterance_id in accepted)
    recordings = [
        Recording(
            row["recording_id"],
            row["source_path"],
            row["source_digest"],
            row["duration_s"],
            used[row["recording_id"]],
        )
        for row in inputs.table("ingest").to_pylist()
    ]
    found = [Action.from_record(record) for record in records]
    return lineage(recordings, inputs.record(SCAN)["output"], found, "export")


def _of_training(screen: Sequence[Mapping[str, Any]], splits: Mapping[str, str]) -> list[Mapping[str, Any]]:
    return [row for row in screen if splits.get(row["utterance_id"]) == "train"]


def _corpus(
    inputs: Inputs,
    cfg: ConfigView,
    screen: Sequence[Mapping[str, Any]],
    splits: Mapping[str, str],
    stages: Iterable[str],
) -> Corpus:
    recorded = inputs.table("ingest", ["duration_s"]).column("duration_s").to_pylist()
    measure = inputs.table("measure", ["snr_db", "reverberation_s"])
    enhance = inputs.table("enhance", ["duration_s", "loudness_lufs"])
    limits, cuts = cfg.corpus.screen, cfg.corpus.segment
    # What a stage behind screening refused is neither learned from nor held out.
    usable = [row for row in screen if row["utterance_id"] in splits]
    held_out = [row for row in usable if splits[row["utterance_id"]] != "train"]
    return Corpus(
        recordings=len(recorded),
        recorded_s=sum(recorded),
        usable_clips=len(usable),
        usable_s=sum(row["duration_s"] for row in usable),
        held_out_clips=len(held_out),
        held_out_s=sum(row["duration_s"] for row in held_out),
        speakers=_groups(usable, "speaker"),
        languages=_groups(usable, "language"),
        distributions=(
            Distribution(
                "Duration",
                "s",
                tuple(enhance.column("duration_s").to_pylist()),
                "All clips, before screening.",
                ((cuts.clip_min_s, "minimum"), (cuts.max_s, "cut at")),
            ),
            Distribution(
                "Loudness",
                "LUFS",
                _known(enhance.column("loudness_lufs")),
                "Integrated loudness (ITU-R BS.1770).",
            ),
            Distribution(
                "Signal to noise",
                "dB",
                _known(measure.column("snr_db")),
                "As recorded; higher is cleaner.",
                ((limits.min_snr_db, "minimum"), (limits.warn_snr_db, "warning")),
            ),
            Distribution(
                "Reverberation",
                "s",
                _known(measure.column("reverberation_s")),
                "How long the room sounds on, of clips that tell it; dry ones are at .2 to .4.",
                ((limits.warn_reverberation_s, "warning"), (limits.max_reverberation_s, "maximum")),
            ),
        ),
        rejects=tuple(
            RejectLine(stage, reject) for stage in (SCAN, *stages) for reject in inputs.rejects(stage)
        ),
    )


def _groups(rows: Sequence[Mapping[str, Any]], column: str) -> tuple[Group, ...]:
    members: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        members[row[column]].append(row["duration_s"])
    found = (Group(name, len(seconds), sum(seconds)) for name, seconds in members.items())
    return tuple(sorted(found, key=lambda group: (-group.duration_s, group.name)))


def chosen_clips(screen: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Which clips are worth a look and why: typical ones of every speaker, and the worst aligned.

    Args:
        screen: accepted rows with `utterance_id`, `speaker`, `duration_s`, `alignment_score`.

    Returns:
        Utterance identifier -> remark.
    """
    low, high = COMFORTABLE_S
    comfortable = [row for row in screen if low <= row["duration_s"] <= high] or list(screen)
    by_score = sorted(comfortable, key=lambda row: (row["alignment_score"], row["utterance_id"]))
    worst = {row["utterance_id"]: "lowest alignment score" for row in by_score[:WORST_CLIPS]}
    queues: dict[str, list[str]] = defaultdict(list)
    middle = sorted(row["duration_s"] for row in comfortable)[len(comfortable) // 2 :][:1]
    for row in sorted(comfortable, key=lambda row: (abs(row["duration_s"] - middle[0]), row["utterance_id"])):
        if row["utterance_id"] not in worst:
            queues[row["speaker"]].append(row["utterance_id"])
    typical: list[str] = []
    while len(typical) < TYPICAL_CLIPS and any(queues.values()):
        typical += [queues[speaker].pop(0) for speaker in sorted(queues) if queues[speaker]]
    return dict.fromkeys(typical[:TYPICAL_CLIPS], "typical length") | worst


def _utterances(inputs: Inputs, screen: Sequence[Mapping[str, Any]]) -> Iterable[Utterance]:
    """The chosen clips as training sees them."""
    if not screen:
        return
    remarks = chosen_clips(screen)
    snr_db = {row["utterance_id"]: row["snr_db"] for row in screen}
    examples = _training_rows(inputs.files("shard"), list(remarks))
    aligned = _by_id(inputs.table("align"), list(remarks))
    for name, remark in remarks.items():
        if name not in examples or name not in aligned:
            continue
        row, alignment = examples[name], aligned[name]
        wave = decode_flac(row["audio"]["bytes"])
        rate = min(wave.sample_rate, PLAYER_RATE_LIMIT)
        mel = np.frombuffer(row["mel"], dtype="<f2").reshape(row["n_frames"], row["n_mels"])
        yield Utterance(
            utterance_id=name,
            speaker=row["speaker"],
            language=row["language"],
            text=row["text"],
            samples=resample(wave.samples, wave.sample_rate, rate),
            sample_rate=rate,
            f0_hz=np.asarray(row["f0_hz"], dtype=np.float32),
            log_mel=mel.astype(np.float32),
            frame_rate_hz=row["frame_rate_hz"],
            phones=_spans(alignment["phones"]),
            words=_spans(alignment["words"]),
            aligner=f"{alignment['backend']} {alignment['backend_version']}".strip(),
            remark=remark,
            snr_db=snr_db[name],
        )


def _training_rows(files: Mapping[str, Path], wanted: list[str]) -> dict[str, dict[str, Any]]:
    """A few rows of the training table, without reading the rest of it."""
    return {
        row["utterance_id"]: row
        for name, path in sorted(files.items())
        if name.endswith(".parquet")
        for row in pq.read_table(
            path, columns=EXAMPLE_COLUMNS, filters=[("utterance_id", "in", wanted)]
        ).to_pylist()
    }


def _by_id(table: pa.Table, wanted: list[str]) -> dict[str, dict[str, Any]]:
    chosen = table.filter(pc.is_in(table.column("utterance_id"), value_set=pa.array(wanted)))
    return {row["utterance_id"]: row for row in chosen.to_pylist()}


def _spans(intervals: Iterable[Mapping[str, Any]]) -> tuple[Span, ...]:
    return tuple(Span(i["label"], i["start_s"], i["end_s"], i["score"]) for i in intervals if i["label"])


def _curves(network: str, curves: Mapping[str, Sequence[Mapping[str, float]]]) -> Iterable[Curve]:
    """One chart per loss, training and validation together; losses that were validated come first."""
    points: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for split, label in (("train", "training"), ("validation", "validation")):
        for entry in curves.get(split, ()):
            for name, value in entry.items():
                if name != "step" and value is not None:
                    lines = points.setdefault(name, {})
                    lines.setdefault(label, []).append((entry["step"], value))
    for name, lines in sorted(points.items(), key=lambda item: ("validation" not in item[1], item[0])):
        shown = tuple((label, tuple(line)) for label, line in lines.items())
        known = quantity(name)
        yield Curve(network, known.title, shown, known.unit, known.about, minor="/" in name)


def _figures(data: ReportData, networks: Mapping[str, str]) -> dict[str, bytes]:
    made = {
        f"figures/{one.title.lower().replace(' ', '_')}.png": figures.histogram_figure(
            one.values, one.title, one.unit
        )
        for one in data.corpus.distributions
        if one.values
    }
    for clip in data.utterances[:1]:
        name, rate = clip.utterance_id, clip.frame_rate_hz
        phones, words = ([vars(span) for span in part] for part in (clip.phones, clip.words))
        made |= {
            "figures/f0.png": figures.f0_figure(clip.f0_hz, rate, f"F0 of {name}"),
            "figures/mel.png": figures.mel_figure(clip.log_mel, rate, f"Mel of {name}"),
            "figures/alignment.png": figures.alignment_figure(
                clip.log_mel, rate, phones, words, f"Alignment of {name}"
            ),
        }
    for stage, name in networks.items():
        shown = {
            f"{curve.name}, {label}": (points, curve.unit)
            for curve in data.curves
            if curve.stage == name and not curve.minor
            for label, points in curve.lines
            if sum(bool(np.isfinite(value)) for _, value in points) > 1
        }
        if shown:
            lines = {title: points for title, (points, _) in shown.items()}
            units = {title: unit for title, (_, unit) in shown.items()}
            made[f"figures/{stage}.png"] = figures.loss_figure(lines, name, units)
    return made


def settings_file(cfg: ConfigView) -> str:
    """What the stages were told, as a file of settings that `--config` takes."""
    sections = {name: getattr(cfg, name) for name in cfg.paths if name not in _OPTIONS}
    plain = {
        name: value.model_dump(mode="json") if hasattr(value, "model_dump") else value
        for name, value in sections.items()
    }
    base = {"base": cfg.preset} if cfg.preset else {}
    return yaml.safe_dump(base | plain, sort_keys=False, allow_unicode=True)


def _columns(inputs: Inputs, stage: str, key: str, value: str) -> dict[str, str]:
    table = inputs.table(stage, [key, value])
    return dict(zip(table.column(key).to_pylist(), table.column(value).to_pylist(), strict=True))


def _known(column: pa.ChunkedArray) -> tuple[float, ...]:
    return tuple(value for value in column.to_pylist() if value is not None and np.isfinite(value))


def _read_json(inputs: Inputs, stage: str, name: str) -> dict[str, Any]:
    path: Path = inputs.files(stage)[name]
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
