"""Mutated transcript lists, Parquet files, TextGrids and settings: read, refused row by row, or one message.

By hand: `python -m tests.fuzz.lists --count 2000 --seed 1`.
"""

from __future__ import annotations

import io
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from configs.corpus import CorpusSettings
from configs.errors import UserError
from configs.loading import resolve
from models.aligner.mfa_output import intervals_of, read_analysis
from models.frontend.language import languages_of
from tasks.corpus.ingest import read_member
from tasks.corpus.scan import scan_recordings
from tests.fuzz import harness

LIMIT_S = 5.0
NAMES = ("a", "b", "c", "d")
SUFFIXES = (
    *("metadata.jsonl", "metadata.csv", "table.csv", "metadata.tsv", "voice.list", "train_list.txt"),
    *("speakers.csv", "manifest.json", "transcripts.txt", "a.srt", "b.vtt", "c.TextGrid"),
    *("a.lab", "rows.parquet", "x.TextGrid", "x.json", "x.csv", "scores.csv", "mine.yaml", "--set"),
)
_BESIDE = ("a.lab", "a.srt", "b.vtt", "c.TextGrid")
_TEXTS = (
    "Please call Stella.",
    "Ask her to bring these things.",
    "Six spoons of fresh snow peas.",
    "Five slabs.",
)
_SPLICES = (
    *(
        b"\x00",
        b"\xff\xfe",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\\ud800",
        b"\\u0000",
        b"\x1b[31m",
        b"\x85",
        b"\r",
        b'"',
        b"'",
    ),
    *(
        b"|",
        b"\t",
        b",",
        b"{",
        b"}",
        b"[",
        b"]" * 50,
        b"[" * 200_000,
        b'{"a":' * 5000,
        b"(" * 300,
        b"\n" * 3000,
    ),
    *(b"1e999", b"-1", b"9" * 5000, b"NaN", b"Infinity", b"null", b"true", b"1e18", b"0x7fffffffffffffff"),
    *(b"../../etc/passwd", b"/etc/passwd", b"C:\\x", b"~", b"/" * 3000, b"\xe2\x80\xae", b"\xef\xbb\xbf"),
    *(b"!!python/object/apply:os.system [x]", b"&a [*a]", b"*a", b"2026-13-45", b"!!timestamp x", b"<<: *a"),
    *(
        b"!!binary x",
        b"? [a]",
        b"%YAML 9.9",
        b"---\n",
        b'"\\UFFFFFFFF"',
        b"!<tag:x> y",
        b"&a {b: *a}",
        b"@",
        b"`",
    ),
    *("Јутрос је падала киша. ".encode() * 40_000, "\u2028".encode(), "مرحبا".encode(), b"x" * 200_000),
)


class Case(NamedTuple):
    """A file's name, which says how it is read, and what it holds."""

    name: str
    content: bytes


def cases(count: int, seed: int) -> Iterator[Case]:
    """One kind of file after the other; the same for the same seed."""
    for at in range(seed, seed + count):
        chance = random.Random(at)
        name = SUFFIXES[at % len(SUFFIXES)]
        content = _parquet(chance) if name.endswith(".parquet") else _seed_text(name)
        for _ in range(
            chance.choice((0, 1, 1, 1, 2, 3, 8)) if name.endswith(".parquet") else chance.randrange(1, 5)
        ):
            content = _mutated(chance, content)
        yield Case(name, content)


def read(case: Case) -> str:
    """Read one file as a run does.

    Raises:
        UserError: it cannot be read.
        AssertionError: the recordings beside it are lost, or something comes out that no table holds.
    """
    if case.name == "--set":
        resolve("tiny", None, (f"seed={case.content.decode('utf-8', 'surrogateescape')}",))
        return "settings"
    with tempfile.TemporaryDirectory(prefix="fuzz-lists-") as made:
        folder = Path(made)
        if case.name == "mine.yaml":
            (folder / case.name).write_bytes(case.content)
            resolve("tiny", folder / case.name)
            return "settings"
        if case.name.startswith(("x.", "scores")):
            return _read_alignment(case)
        return _read_folder(case, folder)


def _read_alignment(case: Case) -> str:
    """MFA's files are read as UTF-8 text; ValueError is what their readers promise."""
    try:
        text = case.content.decode()
        found = (
            read_analysis(text)
            if case.name == "scores.csv"
            else intervals_of(text, case.name.partition(".")[2])
        )
    except ValueError as error:
        raise UserError(str(error)) from error
    return f"{len(found)} tiers or rows"


def _read_folder(case: Case, folder: Path) -> str:
    root = folder / "recordings"
    (root / "wavs").mkdir(parents=True)
    for name in NAMES:
        (root / "wavs" / f"{name}.wav").write_bytes(_recording(name))
    # A set of its own that nothing done to its neighbour may touch.
    (root / "other" / "wavs").mkdir(parents=True)
    (root / "other" / "wavs" / "z.wav").write_bytes(_recording("z"))
    (root / "other" / "metadata.csv").write_text("z|The other set.\n")
    where = root / "wavs" if case.name in _BESIDE else root
    (where / case.name).write_bytes(case.content)
    found = scan_recordings(root, CorpusSettings(), folder / "digests.json")
    assert any(row["text"] == "The other set." for row in found.rows)
    pa.Table.from_pylist(list(found.rows))
    told = [asdict(one) for one in found.rejects]
    json.dumps([told, list(found.warnings)], ensure_ascii=False).encode()
    assert all(value.isprintable() for one in told for value in one.values()), told
    assert all(len(value) < 2000 for one in told for value in one.values())
    ids = [row["recording_id"] for row in found.rows]
    assert len(set(ids)) == len(ids), ids
    texts = [text for row in found.rows for text in (row["text"], *(c["text"] for c in row["cuts"] or ()))]
    languages = {share.language for share in languages_of([text for text in texts if text])}
    assert languages, found.rows
    for row in found.rows:
        if row["member"] is not None:
            assert isinstance(read_member(Path(row["location"]), row["member"]), bytes)
    return f"{len(found.rows)} recordings, {len(told)} refused"


@lru_cache(maxsize=16)
def _recording(name: str) -> bytes:
    sound = io.BytesIO()
    noise = np.random.default_rng([*name.encode()]).standard_normal(800)
    soundfile.write(sound, 0.1 * noise, 16_000, format="WAV")
    return sound.getvalue()


def _seed_text(name: str) -> bytes:
    rows = list(zip(NAMES, _TEXTS, strict=True))
    lines: dict[str, Callable[[], list[str]]] = {
        "metadata.jsonl": lambda: [
            json.dumps({"file_name": f"wavs/{n}.wav", "text": t, "speaker_id": 1}) for n, t in rows
        ],
        "metadata.csv": lambda: [f"{n}|{t}|{t}" for n, t in rows],
        "table.csv": lambda: ["file_name,text,language", *(f'wavs/{n}.wav,"{t}",en' for n, t in rows)],
        "metadata.tsv": lambda: [f"{n}\t{t}" for n, t in rows],
        "voice.list": lambda: [f"wavs/{n}.wav|Ann|EN|{t}" for n, t in rows],
        "train_list.txt": lambda: [f"wavs/{n}.wav|{t}|0" for n, t in rows],
        "speakers.csv": lambda: ["path;speaker;text", *(f'{n}.wav;ann;"{t}"' for n, t in rows)],
        "manifest.json": lambda: [
            json.dumps({"audio_filepath": f"/x/{n}.wav", "offset": at, "duration": 1.5, "text": t})
            for at, (n, t) in enumerate([*rows, *rows])
        ],
        "transcripts.txt": lambda: [f"{n} {t}" for n, t in rows],
        "a.srt": lambda: [
            f"{at}\n00:00:0{at},000 --> 00:00:0{at},900\n{t}\n" for at, (_, t) in enumerate(rows)
        ],
        "b.vtt": lambda: [
            "WEBVTT\n", *(f"00:0{at}.000 --> 00:0{at}.900\n<v Ann>{t}\n" for at, (_, t) in enumerate(rows))
        ],
        "c.TextGrid": _textgrid_lines,
        "a.lab": lambda: [_TEXTS[0]],
        "x.csv": lambda: ["Begin,End,Label,Type,Speaker", "0.1,0.3,the,words,a", "0.1,0.2,ð,phones,a"],
        "scores.csv": lambda: [
            "file,speech_log_likelihood,phone_duration_deviation,snr", "a,-50.5,1.2,8.1", "b,,,"
        ],
        "x.json": lambda: [
            json.dumps({"start": 0, "end": 1, "tiers": {
                kind: {"type": "interval", "entries": [[0.1, 0.3, "the"], [0.3, 0.5, ""]]}
                for kind in ("words", "phones")
            }})
        ],
        "x.TextGrid": _textgrid_lines,
        "mine.yaml": lambda: [
            "seed: 7", "voice: ann", "corpus:", "  language: de", "  segment: {max_s: 9.5}", "features:",
            "  pitch:", "    method: harvest", "train:", "  sovits:", "    max_steps: 20",
        ],
        "--set": lambda: ["7"],
    }  # fmt: skip
    return "\n".join(lines[name]()).encode()


def _textgrid_lines() -> list[str]:
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        "xmax = 1",
        "tiers? <exists>",
    ]
    lines += ["size = 2", "item []:"]
    for at, tier in enumerate(("words", "phones"), 1):
        lines += [f"    item [{at}]:", '        class = "IntervalTier"', f'        name = "{tier}"']
        lines += [
            "        xmin = 0",
            "        xmax = 1",
            "        intervals: size = 1",
            "        intervals [1]:",
        ]
        lines += ["            xmin = 0", "            xmax = 1", '            text = "a"']
    return lines


def _parquet(chance: random.Random) -> bytes:
    """A data set whose columns may have any type; a later mutation may break its bytes too."""
    n_rows = chance.choice((0, 1, 4, 4, 4))
    data = [_recording(name) for name in NAMES][:n_rows]
    names = [
        chance.choice((f"{n}.wav", "", "a.wav", "../x", "/etc/passwd", "x\x00", "y" * 3000)) for n in NAMES
    ][:n_rows]
    texts: list[Any] = list(_TEXTS[:n_rows])
    audio = chance.choice((
        lambda: pa.array([{"bytes": d, "path": n} for d, n in zip(data, names, strict=True)],
                         pa.struct({"bytes": pa.binary(), "path": pa.string()})),
        lambda: pa.array([{"bytes": "text", "path": n} for n in names]),
        lambda: pa.array([{"bytes": 7, "path": n} for n in names]),
        lambda: pa.array([{"bytes": None, "path": f"{n}.wav"} for n in NAMES[:n_rows]]),
        lambda: pa.array([f"{n}.wav" for n in NAMES[:n_rows]]),
        lambda: pa.array([[d] for d in data], pa.list_(pa.binary())),
        lambda: pa.array([None] * n_rows),
    ))() if chance.random() < 0.5 else pa.array(
        [{"bytes": d, "path": n} for d, n in zip(data, NAMES, strict=False)],
        pa.struct({"bytes": pa.binary(), "path": pa.string()}),
    )  # fmt: skip
    text = chance.choice((
        lambda: pa.array(texts, pa.string()), lambda: pa.array(texts, pa.string()),
        lambda: pa.array(texts, pa.string()).dictionary_encode(), lambda: pa.array([7] * n_rows),
        lambda: pa.array([[t] for t in texts], pa.list_(pa.string())), lambda: pa.array([None] * n_rows),
        lambda: pa.array([b"\xff\xfe"] * n_rows, pa.binary()).view(pa.string()),
    ))()  # fmt: skip
    columns = {"audio": audio, "text": text}
    if chance.random() < 0.5:
        columns["length"] = pa.array([2**62] * n_rows, pa.duration("s"))
        columns["when"] = pa.array([-(2**62)] * n_rows, pa.timestamp("us"))
    if chance.random() < 0.3:
        columns["speaker"] = pa.array([2**62] * n_rows, pa.duration("s"))
    if chance.random() < 0.2:
        columns.pop(chance.choice(("audio", "text")))
    sink = io.BytesIO()
    pq.write_table(
        pa.table(columns), sink, row_group_size=chance.choice((1, 2, 100)), store_schema=chance.random() < 0.5
    )
    return sink.getvalue()


def _mutated(chance: random.Random, content: bytes) -> bytes:
    at = chance.randrange(len(content) + 1)
    end = min(len(content), at + chance.randrange(1, 40))
    kind = chance.randrange(6)
    if kind == 0:
        return content[:at] + chance.choice(_SPLICES) + content[at:]
    if kind == 1:
        return content[:at] + chance.choice(_SPLICES) + content[end:]
    if kind == 2:
        return content[:at] + bytes(chance.randrange(256) for _ in range(end - at)) + content[end:]
    if kind == 3:
        return content[:at]
    if kind == 4:
        return content[:at] + content[at:end] * chance.randrange(2, 500) + content[end:]
    lines = content.split(b"\n")
    chance.shuffle(lines)
    return b"\n".join(lines)


def main() -> int:
    """Run by hand; 1 where there were faults."""
    given = harness.arguments(2000, __doc__)
    return min(1, harness.report(harness.judge(read, cases(given.count, given.seed), LIMIT_S)))


if __name__ == "__main__":
    sys.exit(main())
