"""The example of `docs/howto/a-new-family.md`, added to a copy of the application as the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.corpus.sample import write_sample

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "howto" / "a-new-family.md"
EXAMPLE = ROOT / "tests" / "fourth_family"
APPLICATION = ("flows", "tasks", "models", "artifacts", "configs", "docs", "tests/tasks")
FILES = ("voicewright.py", "prefect.yaml", "pyproject.toml")
CLIPS = 12
# file -> (what stands there, what the page puts behind it)
EDITS = {
    "tasks/families.py": [
        (
            "FAMILIES: Mapping[str, Family] = {\n",
            '    "sketch": Family(\n'
            '        models=("models.sketch",),\n'
            "        ways={\n"
            '            "": Way(\n'
            '                finetune="tasks.finetune.sketch.stages:STAGES",\n'
            '                release="tasks.release.sketch.stages:STAGES",\n'
            '                preset="sketch",\n'
            "            )\n"
            "        },\n"
            '        pages="tasks.release.sketch.report:report_corpus",\n'
            '        load_voice="tasks.release.sketch.voice_files:load_sketch",\n'
            '        corpus_reference="tasks.release.sketch.assembly:corpus_reference",\n'
            "    ),\n",
        )
    ],
    "configs/settings.py": [
        (
            "from configs.train_kokoro import KokoroTrainSettings\n",
            "from configs.train_sketch import SketchSpeakSettings, SketchTrainSettings\n",
        ),
        (
            "    kokoro: KokoroTrainSettings = KokoroTrainSettings()\n",
            "    sketch: SketchTrainSettings = SketchTrainSettings()\n",
        ),
        (
            "    kokoro: KokoroSpeakSettings = KokoroSpeakSettings()\n",
            "    sketch: SketchSpeakSettings = SketchSpeakSettings()\n",
        ),
    ],
}


def blocks() -> Iterator[str]:
    """The page's code, block by block."""
    for found in re.finditer(r"^```(?:python|yaml)\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE):
        yield found[1]


def added_files() -> list[str]:
    """The example's files, by where they go."""
    return sorted(
        path.relative_to(EXAMPLE).as_posix() for path in EXAMPLE.rglob("*") if path.suffix in (".py", ".yaml")
    )


def test_the_pages_code_is_the_examples() -> None:
    written = [(EXAMPLE / name).read_text() for name in added_files()]
    written += [addition for edits in EDITS.values() for _, addition in edits]
    written.append("".join(addition for _, addition in EDITS["configs/settings.py"]))
    assert list(blocks())
    for block in blocks():
        assert any(block.strip("\n") in text for text in written), block


def test_the_page_names_every_file() -> None:
    page = PAGE.read_text()
    for name in (*added_files(), *EDITS):
        if not name.endswith("__init__.py"):
            assert f"`{name}`" in page, name


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The application with a fourth family."""
    copy = tmp_path_factory.mktemp("fourth") / "application"
    for name in APPLICATION:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copyfile(ROOT / name, copy / name)
    for name in added_files():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(EXAMPLE / name, copy / name)
    for name, edits in EDITS.items():
        text = (copy / name).read_text()
        for there, addition in edits:
            assert text.count(there) == 1, (name, there)
            text = text.replace(there, there + addition)
        (copy / name).write_text(text)
    return copy


def run(application: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(application), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=application,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_trains_speaks_and_is_shown(application: Path, tmp_path: Path) -> None:
    recordings, workspace = tmp_path / "recordings", tmp_path / "workspace"
    for _ in write_sample(recordings):
        pass
    listing = recordings / "metadata.csv"
    kept = listing.read_text().splitlines()[:CLIPS]
    listing.write_text("\n".join(kept) + "\n")
    for clip in sorted((recordings / "wavs").iterdir())[CLIPS:]:
        clip.unlink()

    def voicewright(*command: str) -> str:
        return run(application, "voicewright.py", "--workspace", str(workspace), *command).stdout

    quick = (
        *("--set", "train.sketch.max_steps=60", "--set", "release.evaluate.sentences=2"),
        *("--set", "compute.workers=1", "--set", "tracking.enabled=false"),
    )
    voicewright("finetune", str(recordings), "--voice", "v", "--preset", "sketch", *quick)
    curves = json.loads((workspace / "voices/v/curves.json").read_text())["train"]
    assert curves[-1]["mel"] < 0.7 * curves[0]["mel"]
    voicewright("speak", "--voice", "v", "It is a fine day.", "--output", str(tmp_path / "v.wav"))
    assert (tmp_path / "v.wav").stat().st_size > 24_000
    assert "sketch" in voicewright("voices")
    lineage = (workspace / "voices/v/lineage.html").read_text()
    training = re.search(r"Training</text>.*?</g>|Training<", lineage, re.DOTALL)
    assert training and "train_sketch" in lineage and "Other" not in lineage
    prepared = voicewright("status", "v")
    assert "train_sketch" in prepared and "linguistic" not in prepared


@pytest.mark.slow
def test_contracts_keys_and_reference_pages_take_it_in(application: Path) -> None:
    folder = Path(sys.executable).parent
    done = subprocess.run(
        [folder / "lint-imports"], cwd=application, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    listed = json.loads((application / "tests/tasks/key_modules.json").read_text())
    run(application, "-m", "docs.reference")
    told = run(application, "-c", "import json; from docs import keys; print(json.dumps(keys.key_modules()))")
    after = json.loads(told.stdout)
    assert {name: after[name] for name in listed} == listed
    assert {name.partition("/")[0] for name in after.keys() - listed.keys()} == {"sketch"}
