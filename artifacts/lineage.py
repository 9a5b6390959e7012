"""Where a voice came from: a graph from recordings through stages to exported files.

The graph is built from action records, so it says what was really read, not what the pipeline's source
intends. Nodes and edges are plain data; drawing them is somebody else's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import networkx as nx

RECORDINGS = "recordings"
FILES = "files"


@dataclass(frozen=True)
class Recording:
    """One original file, named by its content."""

    recording_id: str
    source_path: str
    digest: str
    duration_s: float
    accepted: int
    """Utterances of this recording that the voice learned from or was checked with."""


@dataclass(frozen=True)
class Action:
    """What one finished stage says about itself."""

    name: str
    key: str
    output: str
    inputs: Mapping[str, str]
    """Upstream stage (or `stage.rejects`, `stage.record`) -> digest of what was read of it."""
    rows: int = 0
    rejects: int = 0
    files: Mapping[str, str] = field(default_factory=dict)
    """File name -> digest."""
    details: tuple[tuple[str, str], ...] = ()
    """Name and value pairs to show: settings and library versions."""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Action:
        """From the record that a stage's inputs give of an upstream stage."""
        parts = record["parts"]
        settings = ((name, str(value)) for name, value in sorted(parts["config"].items()))
        libraries = ((name, str(value)) for name, value in sorted(parts["libraries"].items()))
        return cls(
            name=record["stage"],
            key=record["key"],
            output=record["output"],
            inputs=parts["inputs"],
            rows=record["rows"],
            rejects=record["rejects"],
            files=record["files"],
            details=(*settings, *libraries),
        )

    def reads(self) -> tuple[str, ...]:
        """Upstream stages, each once; reading a stage's rejects or record is reading the stage."""
        return tuple(dict.fromkeys(name.split(".")[0] for name in self.inputs))


@dataclass(frozen=True)
class Node:
    """A box of the graph: the recordings, a stage, or the exported files."""

    name: str
    kind: str
    """`recordings`, `stage` or `files`."""
    digest: str
    summary: str
    reads: tuple[str, ...]
    details: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Lineage:
    """Nodes in an order where every node follows what it reads."""

    nodes: tuple[Node, ...]
    recordings: tuple[Recording, ...]
    files: tuple[tuple[str, str], ...]
    """Exported file name and digest."""

    def graph(self) -> nx.DiGraph:
        """Every direct reading as an edge from what is read to its reader."""
        graph = nx.DiGraph()
        graph.add_nodes_from(node.name for node in self.nodes)
        graph.add_edges_from((read, node.name) for node in self.nodes for read in node.reads)
        return graph


def lineage(
    recordings: Sequence[Recording],
    recordings_digest: str,
    records: Iterable[Action],
    exporter: str,
) -> Lineage:
    """Join recordings, stage records and the exporter's files into one graph.

    A stage that reads no other stage reads the recordings. Upstream names without a record (a stage that
    was not kept) are left out rather than drawn as dangling lines.

    Args:
        recordings: the original files.
        recordings_digest: one digest over all of them.
        records: one per finished stage, in any order.
        exporter: name of the stage whose files leave the pipeline; may be absent from `records`.

    Raises:
        ValueError: the records read each other in a circle.
    """
    by_name = {record.name: record for record in records}
    nodes = [Node(RECORDINGS, "recordings", recordings_digest, _count(len(recordings), "file"), ())]
    for name in _ordered(by_name):
        record = by_name[name]
        reads = tuple(stage for stage in record.reads() if stage in by_name) or (RECORDINGS,)
        nodes.append(Node(name, "stage", record.output, _summary(record), reads, _details(record)))
    exported: tuple[tuple[str, str], ...] = ()
    if exporter in by_name and by_name[exporter].files:
        exported = tuple(sorted(by_name[exporter].files.items()))
        summary = _count(len(exported), "file")
        nodes.append(Node(FILES, "files", by_name[exporter].output, summary, (exporter,)))
    return Lineage(tuple(nodes), tuple(recordings), exported)


def _ordered(records: Mapping[str, Action]) -> list[str]:
    """Names so that each follows what it reads; ties keep the order given."""
    graph = nx.DiGraph()
    graph.add_nodes_from(records)
    graph.add_edges_from(
        (read, name) for name in records for read in records[name].reads() if read in records
    )
    rank = {name: i for i, name in enumerate(records)}
    try:
        return list(nx.lexicographical_topological_sort(graph, key=rank.__getitem__))
    except nx.NetworkXUnfeasible as error:
        circle = sorted(name for name, _ in nx.find_cycle(graph))
        raise ValueError(f"stages read each other in a circle: {', '.join(circle)}") from error


def _summary(record: Action) -> str:
    parts = []
    if record.rows:
        parts.append(_count(record.rows, "row"))
    if record.files:
        parts.append(_count(len(record.files), "file"))
    if record.rejects:
        parts.append(f"{record.rejects:,} rejected")
    return " · ".join(parts) or "no rows"


def _details(record: Action) -> tuple[tuple[str, str], ...]:
    read = tuple((f"read {stage}", digest) for stage, digest in record.inputs.items())
    files = tuple((f"file {name}", digest) for name, digest in sorted(record.files.items()))
    return (("key", record.key), ("output", record.output), *read, *files, *record.details)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
