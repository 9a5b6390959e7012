"""The graph from recordings to exported files, and where its boxes are drawn."""

from __future__ import annotations

from itertools import combinations

import networkx as nx
import pytest

from artifacts.lineage import FILES, RECORDINGS, Action, Lineage, Recording, lineage
from tasks.release.lineage_page import build_lineage_page, draw

READS = {
    "ingest": ("scan",),
    "enhance": ("ingest",),
    "measure": ("enhance",),
    "phonemize": ("enhance",),
    "align": ("enhance", "phonemize"),
    "screen": ("measure", "align", "ingest.rejects"),
    "pitch": ("enhance", "screen"),
    "shard": ("pitch", "screen", "align"),
    "train": ("shard",),
    "export": ("train", "screen"),
}
PHASES = {"Corpus": list(READS)[:6], "Training": list(READS)[6:]}


def _graph(reads: dict[str, tuple[str, ...]] = READS) -> Lineage:
    records = [
        Action(
            name,
            key=f"key {name}",
            output=f"out {name}",
            inputs={stage: f"out {stage}" for stage in read},
            rows=2,
            files={"voice.safetensors": "f" * 64} if name == "export" else {},
        )
        for name, read in reversed(reads.items())
    ]
    return lineage([Recording("r", "r.wav", "9" * 64, 1.0, 1)], "8" * 64, records, "export")


def test_every_node_follows_what_it_reads() -> None:
    seen: set[str] = set()
    for node in _graph().nodes:
        assert set(node.reads) <= seen
        seen.add(node.name)
    assert seen == {*READS, RECORDINGS, FILES}


def test_a_stage_that_reads_no_stage_reads_the_recordings() -> None:
    assert _graph().nodes[1].reads == (RECORDINGS,)


def test_reading_rejects_is_reading_the_stage() -> None:
    screen = next(node for node in _graph().nodes if node.name == "screen")
    assert screen.reads == ("measure", "align", "ingest")
    assert ("read ingest.rejects", "out ingest.rejects") in screen.details


def test_lines_that_a_longer_path_implies_are_left_out_and_nothing_else_is() -> None:
    graph = _graph().graph()
    drawn = {(edge.source, edge.target) for edge in draw(_graph(), PHASES).edges}
    assert ("enhance", "pitch") not in drawn
    assert drawn < set(graph.edges)
    # What is reachable stays reachable: close the drawn lines and compare with all ancestors.
    above: dict[str, set[str]] = {name: set() for name in graph}
    for name in graph:
        for source, target in drawn:
            if target == name:
                above[name] |= {source} | above[source]
    assert {name: nx.ancestors(graph, name) for name in graph} == above


def test_every_file_comes_from_the_recordings() -> None:
    graph = _graph()
    assert RECORDINGS in nx.ancestors(graph.graph(), FILES)
    assert graph.files == (("voice.safetensors", "f" * 64),)


def test_a_circle_is_an_error_that_names_its_stages() -> None:
    with pytest.raises(ValueError, match="a, b"):
        _graph({"a": ("b",), "b": ("a",)})


def test_record_of_a_stage_gives_its_inputs_settings_and_libraries() -> None:
    record = {
        "stage": "pitch",
        "key": "k",
        "output": "o",
        "parts": {"inputs": {"enhance": "e"}, "config": {"a.b": 1}, "libraries": {"numpy": "2"}},
        "rows": 3,
        "rejects": 1,
        "files": {},
    }
    found = Action.from_record(record)
    assert found.reads() == ("enhance",)
    assert found.details == (("a.b", "1"), ("numpy", "2"))


def test_boxes_do_not_overlap_and_lines_run_down() -> None:
    drawing = draw(_graph(), PHASES)
    for one, other in combinations(drawing.boxes, 2):
        apart = (
            one.x + one.width <= other.x
            or other.x + other.width <= one.x
            or one.y + one.height <= other.y
            or other.y + other.height <= one.y
        )
        assert apart, (one.node.name, other.node.name)
    top = {box.node.name: box.y for box in drawing.boxes}
    assert all(top[edge.source] < top[edge.target] for edge in drawing.edges)
    assert all(box.x >= 0 and box.x + box.width <= drawing.width for box in drawing.boxes)


def test_page_lists_every_recording_stage_and_file() -> None:
    html = build_lineage_page("ann", _graph(), PHASES)
    assert "r.wav" in html
    assert "voice.safetensors" in html
    assert all(f'id="node-{name}"' in html for name in READS)
