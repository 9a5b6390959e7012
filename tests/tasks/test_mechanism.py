"""The stage mechanism: caching, row reuse, early cut-off, repair, forcing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pyarrow as pa
import pytest

from artifacts.store import Store
from configs.base import Section
from configs.errors import UserError
from tasks import code
from tasks.outcome import ConfigView, Inputs, Outcome, Produced, Work, reject
from tasks.pipeline import Pipeline
from tasks.results import Scan
from tasks.stage import CodeByRow, CorpusStage, RowStage, Stage

WORDS = pa.schema([("name", pa.string()), ("length", pa.int32())])
TOTAL = pa.schema([("name", pa.string()), ("total", pa.int32())])


class Measure(Section):
    factor: int = 1
    unused: int = 0


class Settings(Section):
    measure: Measure = Measure()


calls: list[str] = []
away: set[str] = set()


def measure(rows: list[dict], cfg: ConfigView, files: object) -> list[Outcome]:
    outcomes = []
    for row in rows:
        calls.append(row["recording_id"])
        if row["recording_id"] in away:
            refused = reject(row["recording_id"], "away", "path", "", "is away", "bring it back")
            outcomes.append(Outcome(rejects=[refused]))
        elif row["text"] == "bad":
            refused = reject(row["recording_id"], "bad", "text", "bad", "is bad", "say something else")
            outcomes.append(Outcome(rejects=[refused]))
        else:
            length = (len(row["text"]) // 2) * cfg.measure.factor
            outcomes.append(Outcome(rows=[{"name": row["recording_id"], "length": length}]))
    return outcomes


def keep(rows: list[dict], cfg: ConfigView, files: object) -> list[Outcome]:
    return [Outcome(rows=[{"name": row["name"], "length": row["length"]}]) for row in rows]


def add_up(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    calls.append("add_up")
    total = sum(inputs.table("measure")["length"].to_pylist())
    (work.dir / "total.txt").write_text(str(total))
    return Produced(rows=[{"name": "all", "total": total}], files={"total.txt": work.dir / "total.txt"})


def remember(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Keeps what it made first: the file of the voice's last run, where there is one."""
    calls.append("remember")
    total = str(sum(inputs.table("measure")["length"].to_pylist()))
    before = work.earlier.get("first.txt")
    (work.dir / "first.txt").write_text(before.read_text() if before is not None else total)
    return Produced(files={"first.txt": work.dir / "first.txt"})


STAGES = (
    RowStage(
        name="measure",
        version=1,
        run=f"{__name__}:measure",
        reads={"scan": None},
        config=("measure.factor",),
        schema=WORDS,
        rows_per_shard=2,
        passing=("away",),
    ),
    CorpusStage(name="add_up", version=1, run=f"{__name__}:add_up", reads={"measure": None}, schema=TOTAL),
)
CONTINUING = (
    STAGES[0],
    CorpusStage(
        name="remember",
        version=1,
        run=f"{__name__}:remember",
        reads={"measure": None},
        config=("measure.unused",),
        schema=TOTAL,
        continues=True,
    ),
)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[object]:
    calls.clear()
    made = []

    def build(
        texts: dict[str, str],
        settings: Settings | None = None,
        where: str = "a",
        stages: Sequence[Stage] = STAGES,
    ) -> Pipeline:
        rows = [{"recording_id": n, "text": t, "location": f"/{where}/{n}"} for n, t in texts.items()]
        store = Store(str(tmp_path / "store"), tmp_path / "cache")
        pipeline = Pipeline(
            tmp_path / "workspace", "v", settings or Settings(), lambda: Scan(rows), stages, store
        )
        made.append(pipeline)
        return pipeline

    yield build
    for pipeline in made:
        pipeline.close()


FIVE = {"a": "one", "b": "two", "c": "bad", "d": "four", "e": "five5"}


def run(pipeline: Pipeline, **force: bool) -> dict[str, str]:
    results = [pipeline.run_stage(name, force=force.get(name, False)) for name in pipeline.stages]
    return {result.name: result.status for result in results}


def outputs(pipeline: Pipeline) -> list[str]:
    return [pipeline.run_stage(name).output_digest for name in pipeline.stages]


def test_second_run_is_all_hits_even_from_another_folder(make):
    assert run(make(FIVE)) == {"measure": "computed", "add_up": "computed"}
    calls.clear()
    assert run(make(FIVE, where="elsewhere")) == {"measure": "cached", "add_up": "cached"}
    assert calls == []


def test_one_more_row_computes_one_row(make):
    run(make(FIVE))
    calls.clear()
    result = make(FIVE | {"f": "sixsix"}).run_stage("measure")
    assert (result.rows_total, result.rows_computed, result.rows_cached) == (6, 1, 5)
    assert calls == ["f"]


def test_same_output_leaves_downstream_cached(make):
    run(make(FIVE))
    # Half the length of "onx" is half the length of "one": the row is new, its outcome is not.
    statuses = run(make(FIVE | {"a": "onx"}))
    assert statuses == {"measure": "computed", "add_up": "cached"}


def test_only_declared_settings_matter(make):
    run(make(FIVE))
    assert set(run(make(FIVE, Settings(measure=Measure(unused=3)))).values()) == {"cached"}
    pipeline = make(FIVE, Settings(measure=Measure(factor=2)))
    would, reasons = pipeline.why("measure")
    assert would
    assert "measure.factor 1 -> 2" in reasons
    assert set(run(pipeline).values()) == {"computed"}


def test_undeclared_setting_cannot_be_read(make):
    view = ConfigView(Settings(), ("measure.factor",))
    with pytest.raises(AttributeError):
        _ = view.measure.unused


def test_rows_alone_run_again_whose_own_code_changed(tmp_path: Path):
    chosen = {1: "tasks.weights", 2: "tasks.run_record"}
    again = RowStage(
        name="again",
        version=1,
        run=f"{__name__}:keep",
        reads={"measure": None},
        schema=WORDS,
        code_by_row=CodeByRow("measure", "length", lambda length, settings: (chosen[length],)),
    )
    rows = [{"recording_id": n, "text": t, "location": n} for n, t in {"a": "one", "d": "four"}.items()]
    store = Store(str(tmp_path / "store"), tmp_path / "cache")

    def results() -> tuple[int, str]:
        pipeline = Pipeline(tmp_path, "v", Settings(), lambda: Scan(rows), (STAGES[0], again), store)
        pipeline.run_stage("measure")
        result = pipeline.run_stage("again")
        pipeline.close()
        return result.rows_computed, result.reason

    assert results()[0] == 2
    assert results()[0] == 0
    chosen[2] = "artifacts.housekeeping"
    computed, reason = results()
    assert computed == 1
    assert "code of artifacts.housekeeping appeared" in reason


def test_lost_shard_is_rebuilt_alone(make, tmp_path: Path):
    pipeline = make(FIVE)
    run(pipeline)
    before = outputs(pipeline)
    victim = pipeline.known("measure").rows[-1].blob
    path = pipeline.store.local_path(victim)
    path.write_bytes(path.read_bytes()[:-1])
    calls.clear()
    again = make(FIVE)
    assert "blob" in again.why("measure")[1][0]
    assert run(again) == {"measure": "computed", "add_up": "cached"}
    assert calls == ["e"]
    assert outputs(again) == before


def test_lost_file_is_rebuilt(make):
    pipeline = make(FIVE)
    run(pipeline)
    for ref in pipeline.known("add_up").files.values():
        pipeline.store.local_path(ref).unlink()
    calls.clear()
    assert run(make(FIVE)) == {"measure": "cached", "add_up": "computed"}
    assert calls == ["add_up"]


def test_forcing_recomputes_rows_and_cuts_off(make):
    run(make(FIVE))
    calls.clear()
    assert run(make(FIVE), measure=True) == {"measure": "computed", "add_up": "cached"}
    assert sorted(calls) == ["a", "b", "c", "d", "e"]


def remembered(make, texts: dict[str, str], settings: Settings | None = None, force: bool = False) -> str:
    pipeline = make(texts, settings, stages=CONTINUING)
    pipeline.run_stage("measure")
    return pipeline.run_stage("remember", force=force).files["first.txt"].read_text()


def test_a_stage_that_continues_sees_its_files_of_the_last_run_where_only_inputs_changed(make):
    assert remembered(make, {"a": "four", "b": "sixsix"}) == "5"
    assert remembered(make, {"a": "four", "b": "sixsix", "c": "eighteig"}) == "5"
    assert calls.count("remember") == 2
    assert remembered(make, {"a": "four", "b": "sixsix", "c": "eighteig"}) == "5"
    assert calls.count("remember") == 2
    others = Settings(measure=Measure(unused=1))
    assert remembered(make, {"a": "four", "b": "sixsix", "c": "eighteig"}, others) == "9"


def test_a_forced_stage_continues_nothing(make):
    remembered(make, {"a": "four"})
    assert remembered(make, {"a": "four", "b": "sixsix"}, force=True) == "5"


def test_rejects_are_kept_with_the_row(make):
    run(make(FIVE))
    (stage, refused) = make(FIVE).rejects()[0]
    assert (stage, refused.row_id, refused.code) == ("measure", "c", "bad")


def test_a_row_refused_for_a_passing_reason_is_tried_again(make):
    away.add("d")
    try:
        run(make(FIVE))
        calls.clear()
        run(make(FIVE))
        assert calls == ["d"]
        assert {one.row_id: one.code for _, one in make(FIVE).rejects()} == {"c": "bad", "d": "away"}
    finally:
        away.clear()
    calls.clear()
    assert run(make(FIVE)) == {"measure": "computed", "add_up": "computed"}
    assert calls == ["d", "add_up"]
    calls.clear()
    assert run(make(FIVE)) == {"measure": "cached", "add_up": "cached"}
    assert [one.row_id for _, one in make(FIVE).rejects()] == ["c"]


def test_running_without_upstream_is_refused_by_name(make):
    with pytest.raises(UserError, match="measure"):
        make(FIVE).run_stage("add_up")


def test_records_hold_no_path_of_the_recordings(make, tmp_path: Path):
    run(make(FIVE, where="secret-place"))
    for path in (tmp_path / "store").rglob("*"):
        if path.is_file():
            assert b"secret-place" not in path.read_bytes()


def test_another_version_of_a_declared_library_computes_again(make, monkeypatch: pytest.MonkeyPatch):
    stages = (replace(STAGES[0], libraries=("numpy",)), STAGES[1])
    run(make(FIVE, stages=stages))
    assert run(make(FIVE, stages=stages))["measure"] == "cached"
    monkeypatch.setattr(metadata, "version", lambda name: "0.0.1")
    code._version.cache_clear()
    pipeline = make(FIVE, stages=stages)
    assert any("numpy" in reason and "0.0.1" in reason for reason in pipeline.why("measure")[1])
    assert run(pipeline)["measure"] == "computed"
    code._version.cache_clear()


def test_a_column_of_another_type_computes_again(make):
    run(make(FIVE))
    wider = pa.schema([("name", pa.string()), ("length", pa.int64())])
    assert run(make(FIVE, stages=(replace(STAGES[0], schema=wider), STAGES[1])))["measure"] == "computed"


def test_rows_of_one_content_are_known_by_name(make):
    assert outputs(make({"a": "one"}))[0] != outputs(make({"z": "one"}))[0]
    pipeline = make({"a": "one", "b": "one"})
    assert pipeline.run_stage("measure").rows_computed == 1
