"""The lineage page: from recordings through stages to the exported files, drawn as one inline SVG.

Layout after Sugiyama, Tagawa & Toda, "Methods for visual understanding of hierarchical system structures"
(1981): layers by longest path, long edges through waypoints, few crossings by barycentres. networkx holds the
graph, scipy moves the nodes of a layer apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from statistics import fmean
from typing import NamedTuple

import networkx as nx
import numpy as np
from scipy.optimize import isotonic_regression

from artifacts.lineage import FILES, RECORDINGS, Lineage, Node
from tasks.release.templates.render import render

NODE_WIDTH, NODE_HEIGHT = 168, 58
WAYPOINT_WIDTH = 18
GAP_X, GAP_Y = 20, 30
MARGIN = 8
SWEEPS = 12
SETTLING_SWEEPS = 40
# Boxes hardly give way to lines that pass.
BOX_WEIGHT, WAYPOINT_WEIGHT = 50.0, 1.0
MAX_RECORDINGS_SHOWN = 500

Phases = Mapping[str, Sequence[str]]
"""Parts of the pipeline, in order, and their stages."""


class Box(NamedTuple):
    node: Node
    x: float
    y: float
    width: float
    height: float
    phase: str
    above: str
    """Names of everything this node depends on, separated by spaces."""


class Edge(NamedTuple):
    source: str
    target: str
    path: str


class Drawing(NamedTuple):
    width: float
    height: float
    boxes: list[Box]
    edges: list[Edge]
    lineage: Lineage


def build_lineage_page(voice: str, lineage: Lineage, phases: Phases) -> str:
    """`lineage.html`: the graph, each node's record, the recordings and the exported files, linked."""
    return render(
        "lineage.html.j2",
        voice=voice,
        graph=draw(lineage, phases),
        recordings_shown=lineage.recordings[:MAX_RECORDINGS_SHOWN],
    )


def draw(lineage: Lineage, phases: Phases) -> Drawing:
    """Place every node and route every line that no longer path implies, top to bottom."""
    graph = lineage.graph()
    depth = _depths(graph)
    reduced = nx.transitive_reduction(graph)
    routes = {
        (source, target): [source, *_waypoints(source, target, depth), target]
        for source, target in graph.edges
        if reduced.has_edge(source, target)
    }
    links = nx.DiGraph()
    links.add_nodes_from(graph)
    for route in routes.values():
        nx.add_path(links, route)
    layers = _untangled(_rows(graph, routes.values(), depth), links)
    width = {name: NODE_WIDTH if name in graph else WAYPOINT_WIDTH for name in links}
    centre = _centres(layers, links, width)
    left = min(centre[name] - width[name] / 2 for name in width) - MARGIN
    right = max(centre[name] + width[name] / 2 for name in width) + MARGIN
    top = {name: MARGIN + i * (NODE_HEIGHT + GAP_Y) for i, row in enumerate(layers) for name in row}
    boxes = [
        Box(
            node,
            round(centre[node.name] - NODE_WIDTH / 2 - left, 1),
            top[node.name],
            NODE_WIDTH,
            NODE_HEIGHT,
            phase_of(node.name, phases),
            " ".join(sorted(nx.ancestors(graph, node.name))),
        )
        for node in lineage.nodes
    ]
    edges = [
        Edge(source, target, _path([(centre[name] - left, top[name]) for name in route]))
        for (source, target), route in routes.items()
    ]
    height = len(layers) * (NODE_HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN
    return Drawing(round(right - left, 1), height, boxes, edges, lineage)


def phase_of(name: str, phases: Phases) -> str:
    """The part of the pipeline a node belongs to, for its colour."""
    if name in (RECORDINGS, FILES):
        return "Ends"
    return next(phase for phase, stages in phases.items() if name in stages)


def _depths(graph: nx.DiGraph) -> dict[str, int]:
    """Longest path from the recordings; then a node with slack sinks towards what reads it."""
    generations = list(nx.topological_generations(graph))
    depth = {name: i for i, names in enumerate(generations) for name in names}
    for name in (name for names in reversed(generations[1:]) for name in names):
        depth[name] = min((depth[reader] - 1 for reader in graph.succ[name]), default=depth[name])
    return depth


def _rows(graph: nx.DiGraph, routes: Iterable[list[str]], depth: Mapping[str, int]) -> list[list[str]]:
    """The nodes of each layer from the top: boxes, then the waypoints of the lines that pass."""
    rows: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for name in graph:
        rows[depth[name]].append(name)
    for source, *waypoints, _ in routes:
        for row, name in zip(rows[depth[source] + 1 :], waypoints, strict=False):
            row.append(name)
    return rows


def _waypoints(source: str, target: str, depth: Mapping[str, int]) -> list[str]:
    """Names of the places where a line passes a layer between its ends."""
    return [f"{source}>{target}>{layer}" for layer in range(depth[source] + 1, depth[target])]


def _untangled(layers: list[list[str]], links: nx.DiGraph) -> list[list[str]]:
    """Order every layer by the mean position of its neighbours, keeping the best order seen."""
    best, fewest = layers, _crossings(layers, links)
    for sweep in range(SWEEPS):
        near, step = (links.pred, 1) if sweep % 2 == 0 else (links.succ, -1)
        first, *rest = layers[::step]
        ordered = [first]
        for row in rest:
            position = {name: i for i, name in enumerate(ordered[-1])}
            mean = {n: fmean(map(position.__getitem__, near[n])) if near[n] else i for i, n in enumerate(row)}
            ordered.append(sorted(row, key=mean.__getitem__))
        layers = ordered[::step]
        crossings = _crossings(layers, links)
        if crossings < fewest:
            best, fewest = layers, crossings
    return best


def _crossings(layers: list[list[str]], links: nx.DiGraph) -> int:
    position = {name: i for row in layers for i, name in enumerate(row)}
    return sum(
        (position[a] - position[b]) * (position[c] - position[d]) < 0
        for row in layers
        for (a, c), (b, d) in combinations(links.edges(row), 2)
    )


def _centres(layers: list[list[str]], links: nx.DiGraph, width: Mapping[str, float]) -> dict[str, float]:
    """Horizontal centres: boxes of a layer stand around the middle, lines in passing go straight.

    A row's positions are the nearest to the wanted ones that keep order and gaps: least squares under an
    order constraint once each node's place in the closest row is taken off.
    """
    places = []
    centre: dict[str, float] = {}
    for row in layers:
        gaps = [(width[a] + width[b]) / 2 + GAP_X for a, b in pairwise(row)]
        place = np.cumsum([0.0, *gaps])
        weights = [BOX_WEIGHT if width[name] == NODE_WIDTH else WAYPOINT_WEIGHT for name in row]
        places.append((row, place, weights))
        centre |= dict(zip(row, place - place[-1] / 2, strict=True))
    for sweep in range(SETTLING_SWEEPS):
        for row, place, weights in places[:: 1 if sweep % 2 == 0 else -1]:
            wanted = [
                0.0 if width[name] == NODE_WIDTH else fmean(centre[n] for n in nx.all_neighbors(links, name))
                for name in row
            ]
            settled = isotonic_regression(wanted - place, weights=weights).x + place
            centre |= dict(zip(row, settled.tolist(), strict=True))
    return centre


def _path(points: list[tuple[float, float]]) -> str:
    """A curve from the bottom of the first node through waypoints to the top of the last."""
    (x, y), *rest = points
    y += NODE_HEIGHT
    path = f"M{x:.1f} {y:.1f}"
    for index, (to_x, to_y) in enumerate(rest):
        bend = (to_y - y) / 2
        path += f"C{x:.1f} {y + bend:.1f} {to_x:.1f} {to_y - bend:.1f} {to_x:.1f} {to_y:.1f}"
        x, y = to_x, to_y
        if index < len(rest) - 1:
            y += NODE_HEIGHT
            path += f"V{y:.1f}"
    return path
