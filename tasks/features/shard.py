"""Stage shard: everything a voice learns from, as one table of Parquet files with a dataset card."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from configs.errors import UserError
from models.frontend.audio import decode_flac, encode_flac, resample
from tasks.features.card import CardFacts, CardRow, dataset_card
from tasks.features.durations import Clock, phone_frames
from tasks.features.examples import example_columns, example_schema
from tasks.features.split import SPLITS, Clip, Split, held_out_as_given, split_clips
from tasks.stage import ConfigView, Inputs, Produced, Work

_SMALL = ("screen", "segment", "phonemize")
_LARGE = ("enhance", "align", "pitch", "spectrogram")


def shard_corpus(
    inputs: Inputs, cfg: ConfigView, work: Work, features: Sequence[str], refusing: Sequence[str]
) -> Produced:
    """The training table's files; the whole is deterministic, byte for byte.

    Args:
        inputs, cfg, work: Of the stage.
        features: Stages whose features this family learns from beside those that all do.
        refusing: Stages whose rejects the card counts.

    Raises UserError when no clip was accepted, or clips use different symbol tables.
    """
    settings, family = cfg.features.shard, cfg.family
    large_stages, schema = (*_LARGE, *features), example_schema(features)
    identifiers = (
        set(inputs.table(stage, ["utterance_id"])["utterance_id"].to_pylist())
        for stage in (*_SMALL, *large_stages)
    )
    names = sorted(set.intersection(*identifiers))
    tables = {stage: _Table(inputs.table(stage)) for stage in _SMALL}
    rejects = _count_rejects(inputs, refusing)
    if not names:
        raise UserError(_nothing_accepted(rejects))
    _require_one_symbol_table(names, tables["phonemize"])
    given = _given(inputs) if settings.given_splits else {}
    clips = _clips(names, tables, given)
    divided = split_clips(clips, settings.validation_share, settings.test_share)
    splits: dict[str, str] = dict(zip(names, divided, strict=True))

    files: dict[str, Path] = {}
    card_rows: list[CardRow] = []
    for file in _plan(names, splits, settings.rows_per_file):
        path = files[file.name] = work.dir / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for start in range(0, len(file.members), settings.rows_per_group):
                work.heed_stop()
                group = file.members[start : start + settings.rows_per_group]
                # Audio and frames are read for one group at a time: a corpus may be larger than memory.
                large = {stage: _Table(inputs.table(stage, only=group)) for stage in large_stages}
                rows = [_example(name, file.split, tables | large, family) for name in group]
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))
                card_rows += [_card_row(row, tables["phonemize"]) for row in rows]
                work.progress(len(card_rows), len(names), file.name)

    facts = CardFacts(
        licence=cfg.corpus.licence,
        family=family.name,
        symbol_table=tables["phonemize"].row(names[0])["symbol_table"],
        sample_rate=family.sample_rate,
        content_backend=_content_backend(inputs, names[0]) if "content" in features else None,
        n_recordings=len({tables["segment"].row(name)["recording_id"] for name in names}),
        rejects=rejects,
    )
    present = set(splits.values())
    globs: dict[str, str] = {s: f"data/{s}-*.parquet" for s in SPLITS if s in present}
    card = files["README.md"] = work.dir / "README.md"
    card.write_text(dataset_card(card_rows, facts, globs, example_columns(features)), encoding="utf-8")
    return Produced(files=files, metrics=_metrics(card_rows), warnings=_warnings(splits, clips))


class _File(NamedTuple):
    """One Parquet file to be: its name and the clips in it."""

    name: str
    split: str
    members: Sequence[str]


def _plan(names: Sequence[str], splits: Mapping[str, str], rows_per_file: int) -> Iterator[_File]:
    for split in SPLITS:
        members = [name for name in names if splits[name] == split]
        n_files = -(-len(members) // rows_per_file)
        for number in range(n_files):
            part = members[number * rows_per_file : (number + 1) * rows_per_file]
            yield _File(f"data/{split}-{number:05d}-of-{n_files:05d}.parquet", split, part)


class _Rates(Protocol):
    """The part of the family's settings that an example follows from; see configs.family."""

    sample_rate: int
    edge_silence_samples: int


class _Table:
    """Rows of one stage by utterance."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        identifiers = table.column("utterance_id").to_pylist()
        self.positions = {name: position for position, name in enumerate(identifiers)}

    def row(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._table.slice(self.positions[name], 1).to_pylist()[0]
        return found


def _example(name: str, split: str, tables: Mapping[str, _Table], family: _Rates) -> dict[str, Any]:
    row = {stage: table.row(name) for stage, table in tables.items()}
    accepted, spoken, spectrogram = row["screen"], row["phonemize"], row["spectrogram"]
    audio, sample_rate = row["enhance"]["audio"], family.sample_rate
    if row["enhance"]["sample_rate"] != sample_rate:
        wave = decode_flac(audio)
        audio = encode_flac(resample(wave.samples, wave.sample_rate, sample_rate), sample_rate)
    frame_rate_hz = row["pitch"]["frame_rate_hz"]
    clock = Clock(
        spectrogram["n_frames"],
        frame_rate_hz,
        accepted["duration_s"],
        family.edge_silence_samples / sample_rate,
    )
    frames = phone_frames(row["align"]["phones"], spoken["word2ph"], clock)
    example = {
        "utterance_id": name,
        "source_digest": accepted["source_digest"],
        "split": split,
        "speaker": accepted["speaker"],
        "language": accepted["language"],
        "text": accepted["text"],
        "normalized_text": spoken["normalized_text"],
        "symbol_table": spoken["symbol_table"],
        "words": spoken["words"],
        "phones": spoken["phones"],
        "phone_ids": spoken["phone_ids"],
        "word2ph": spoken["word2ph"],
        "own_words": spoken["own_words"],
        "durations": frames.durations,
        "pause_frames": frames.pauses,
        "lead_frames": frames.lead,
        "trail_frames": frames.trail,
        "audio": {"bytes": audio, "path": f"{name}.flac"},
        "sample_rate": sample_rate,
        "duration_s": accepted["duration_s"],
        "n_frames": spectrogram["n_frames"],
        "frame_rate_hz": frame_rate_hz,
        "mel": spectrogram["mel"],
        "n_mels": spectrogram["n_mels"],
        "linear": spectrogram["linear"],
        "n_bins": spectrogram["n_bins"],
        "f0_hz": row["pitch"]["f0_hz"],
        "energy": spectrogram["energy"],
    }
    for stage in ("content", "linguistic"):
        if stage in row:
            example |= {stage: row[stage]["features"], f"{stage}_dim": row[stage]["dim"]}
    if "speaker_vector" in row:
        example["speaker_vector"] = row["speaker_vector"]["vector"]
    return example


def _content_backend(inputs: Inputs, name: str) -> str:
    backend: str = inputs.table("content", ["backend"], only=[name])["backend"][0].as_py()
    return backend


def _given(inputs: Inputs) -> dict[str, Split]:
    """The splits of one's own lists, by recording."""
    table = inputs.table("division", ["recording_id", "split"])
    return dict(zip(table["recording_id"].to_pylist(), table["split"].to_pylist(), strict=True))


def _clips(names: Sequence[str], tables: Mapping[str, _Table], given: Mapping[str, Split]) -> list[Clip]:
    """Content is the recording's digest and the stretch of it, so renaming a file changes nothing."""
    clips = []
    for name in names:
        accepted, segment = tables["screen"].row(name), tables["segment"].row(name)
        stretch = f"{segment['start_s']:.3f}-{segment['end_s']:.3f}"
        content = f"{accepted['source_digest']}/{stretch}"
        split = given.get(segment["recording_id"])
        clips.append(Clip(content, accepted["speaker"], accepted["duration_s"], split))
    return clips


def _card_row(row: Mapping[str, Any], phonemized: _Table) -> CardRow:
    unknown = tuple(phonemized.row(row["utterance_id"])["unknown"])
    return CardRow(row["split"], row["speaker"], row["language"], row["duration_s"], unknown)


def _count_rejects(inputs: Inputs, refusing: Sequence[str]) -> dict[tuple[str, str], int]:
    counts: Counter[tuple[str, str]] = Counter()
    for stage in refusing:
        counts.update((stage, refused.code) for refused in inputs.rejects(stage))
    return dict(counts)


def _nothing_accepted(rejects: Mapping[tuple[str, str], int]) -> str:
    listed = ", ".join(f"{stage}: {code} {count}" for (stage, code), count in sorted(rejects.items()))
    return (
        f"no clip is left to train on (rejected: {listed or 'none'}). See `voicewright rejects VOICE` for "
        f"each clip's reason, and loosen the limits under corpus.screen or mend the recordings."
    )


def _require_one_symbol_table(names: Sequence[str], phonemized: _Table) -> None:
    users: dict[str, list[str]] = defaultdict(list)
    for name in names:
        users[phonemized.row(name)["symbol_table"]].append(name)
    if len(users) > 1:
        listed = "; ".join(
            f"{table}: {len(members)} clips, for example {members[0]}"
            for table, members in sorted(users.items())
        )
        raise UserError(
            f"features.phonemize.symbol_table: the clips' languages need different tables ({listed}), and a "
            f"voice has one. Set features.phonemize.symbol_table: ipa, or train one voice per language."
        )


def _metrics(rows: Sequence[CardRow]) -> dict[str, float]:
    metrics = {
        "clips": float(len(rows)),
        "hours": sum(row.duration_s for row in rows) / 3600.0,
        "speakers": float(len({row.speaker for row in rows})),
    }
    for split in SPLITS:
        metrics[f"{split}_clips"] = float(sum(row.split == split for row in rows))
    return metrics


def _warnings(splits: Mapping[str, str], clips: Sequence[Clip]) -> list[str]:
    found = []
    if any(clip.given in ("validation", "test") for clip in clips) and not held_out_as_given(clips):
        found.append(
            "the division of your lists would leave no clip to train on, and is not used: clips are divided "
            "by features.shard.validation_share and test_share"
        )
    if "validation" not in splits.values():
        found.append("no clip is left for validation: training cannot tell learning from memorising")
    return found
