"""The lineage page: from recordings through stages to the exported files, drawn as one inline SVG.

Layout after Sugiyama, Tagawa & Toda, "Methods for visual understanding of hierarchical system structures"
(1981): layers by longest path, long edges through waypoints, few crossings by barycentres.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

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
    """Place every node and route every essential edge, top to bottom."""
    layer_of = _layers(lineage)
    layers: list[list[str]] = [[] for _ in range(max(layer_of.values()) + 1)]
    for node in lineage.nodes:
        layers[layer_of[node.name]].append(node.name)
    routes = {}
    for source, target in lineage.essential_edges():
        route = [source]
        for depth in range(layer_of[source] + 1, layer_of[target]):
            route.append(f"{source}>{target}>{depth}")
            layers[depth].append(route[-1])
        routes[source, target] = [*route, target]
    links = [pair for route in routes.values() for pair in pairwise(route)]
    names = {node.name for node in lineage.nodes}
    layers = _untangled(layers, links)
    centre = _centres(layers, links, names)
    left = min(centre[name] - _width(name, names) / 2 for name in centre) - MARGIN
    right = max(centre[name] + _width(name, names) / 2 for name in centre) + MARGIN
    top_of = {name: MARGIN + i * (NODE_HEIGHT + GAP_Y) for i, row in enumerate(layers) for name in row}
    ancestors = lineage.ancestors()
    boxes = [
        Box(
            node,
            round(centre[node.name] - NODE_WIDTH / 2 - left, 1),
            top_of[node.name],
            NODE_WIDTH,
            NODE_HEIGHT,
            phase_of(node.name, phases),
            " ".join(sorted(ancestors[node.name])),
        )
        for node in lineage.nodes
    ]
    edges = [
        Edge(source, target, _path([(centre[n] - left, top_of[n]) for n in route]))
        for (source, target), route in routes.items()
    ]
    height = len(layers) * (NODE_HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN
    return Drawing(round(right - left, 1), height, boxes, edges, lineage)


def phase_of(name: str, phases: Phases) -> str:
    """The part of the pipeline a node belongs to, for its colour."""
    if name in (RECORDINGS, FILES):
        return "Ends"
    return next(phase for phase, stages in phases.items() if name in stages)


def _layers(lineage: Lineage) -> dict[str, int]:
    """Longest path from the recordings; then a node with slack sinks towards what reads it."""
    depth: dict[str, int] = {}
    for node in lineage.nodes:
        depth[node.name] = 1 + max((depth[read] for read in node.reads), default=-1)
    edges = lineage.essential_edges()
    for node in reversed(lineage.nodes):
        readers = [depth[target] for source, target in edges if source == node.name]
        if readers and node.name != RECORDINGS:
            depth[node.name] = min(readers) - 1
    return depth


def _untangled(layers: list[list[str]], links: list[tuple[str, str]]) -> list[list[str]]:
    """Order every layer by the mean position of its neighbours, keeping the best order seen."""
    best, fewest = layers, _crossings(layers, links)
    for sweep in range(SWEEPS):
        layers = [list(row) for row in layers]
        downwards = sweep % 2 == 0
        order = range(1, len(layers)) if downwards else range(len(layers) - 2, -1, -1)
        for depth in order:
            fixed = {name: i for i, name in enumerate(layers[depth - 1 if downwards else depth + 1])}
            near = _neighbours(links, downwards)
            weights = {
                name: _mean([fixed[n] for n in near.get(name, []) if n in fixed], position)
                for position, name in enumerate(layers[depth])
            }
            layers[depth].sort(key=weights.__getitem__)
        crossings = _crossings(layers, links)
        if crossings < fewest:
            best, fewest = layers, crossings
    return best


def _crossings(layers: list[list[str]], links: list[tuple[str, str]]) -> int:
    at = {name: i for row in layers for i, name in enumerate(row)}
    layer = {name: depth for depth, row in enumerate(layers) for name in row}
    total = 0
    for depth in range(len(layers) - 1):
        here = [(at[a], at[b]) for a, b in links if layer[a] == depth]
        total += sum((a1 - b1) * (a2 - b2) < 0 for i, (a1, a2) in enumerate(here) for b1, b2 in here[:i])
    return total


def _centres(layers: list[list[str]], links: list[tuple[str, str]], names: set[str]) -> dict[str, float]:
    """Horizontal centres: boxes of a layer stand around the middle, lines in passing go straight."""
    centre: dict[str, float] = {}
    for row in layers:
        x = 0.0
        for name in row:
            centre[name] = x + _width(name, names) / 2
            x += _width(name, names) + GAP_X
        for name in row:
            centre[name] -= (x - GAP_X) / 2
    up, down = _neighbours(links, True), _neighbours(links, False)
    for sweep in range(SETTLING_SWEEPS):
        rows = layers if sweep % 2 == 0 else list(reversed(layers))
        for row in rows:
            wanted = [
                0.0
                if name in names
                else _mean([centre[n] for n in up[name] + down[name]], otherwise=centre[name])
                for name in row
            ]
            for name, x in zip(row, _apart(row, wanted, names), strict=True):
                centre[name] = x
    return centre


def _apart(row: list[str], wanted: list[float], names: set[str]) -> list[float]:
    """Positions near the wanted ones, in order, with the gaps kept.

    Weighted least squares under an order constraint: pool adjacent violators, less the offsets.
    """
    offsets = [0.0]
    for left, right in pairwise(row):
        offsets.append(offsets[-1] + (_width(left, names) + _width(right, names)) / 2 + GAP_X)
    pools: list[tuple[float, float, int]] = []
    for name, value, offset in zip(row, wanted, offsets, strict=True):
        pools.append((value - offset, BOX_WEIGHT if name in names else WAYPOINT_WEIGHT, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, weight_a, n), (b, weight_b, m) = pools[-2:]
            weight = weight_a + weight_b
            pools[-2:] = [((a * weight_a + b * weight_b) / weight, weight, n + m)]
    flat = [value for value, _, size in pools for _ in range(size)]
    return [value + offset for value, offset in zip(flat, offsets, strict=True)]


def _neighbours(links: list[tuple[str, str]], upwards: bool) -> dict[str, list[str]]:
    near: dict[str, list[str]] = {}
    for source, target in links:
        key, value = (target, source) if upwards else (source, target)
        near.setdefault(key, []).append(value)
    return near


def _width(name: str, names: set[str]) -> float:
    return NODE_WIDTH if name in names else WAYPOINT_WIDTH


def _mean(values: list[float] | list[int], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


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
