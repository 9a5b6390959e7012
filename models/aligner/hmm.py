"""The built-in aligner: monophone hidden Markov models trained on the very recordings that they align.

Three left-to-right states per phone, one diagonal Gaussian (or a few) per state, silence that may be skipped
after every word. Trained from a flat start with Baum-Welch (Rabiner 1989), aligned with Viterbi. The labels'
meaning does not matter, so it works for every language and symbol table.

All clips of a batch run through one time loop: arrays are [B, S] with B clips and S states of the longest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

STATES_PER_PHONE = 3
SILENCE_STATES = 6
SILENCE = "<sil>"
ANYTHING = "<any>"
_IMPOSSIBLE = np.float32(-1e10)


@dataclass(frozen=True)
class Model:
    """Gaussian mixtures of every phone state.

    labels: SILENCE, ANYTHING (all speech: stands for phones never seen in training), then phones;
    means, variances: [K, M, D]; log_weights: [K, M];
    log_stay: [K], log probability of staying in a state. State k of label i is 3 i + k; silence uses
    only its first state's mixture, SILENCE_STATES times in a row.
    """

    labels: tuple[str, ...]
    means: NDArray[np.float32]
    variances: NDArray[np.float32]
    log_weights: NDArray[np.float32]
    log_stay: NDArray[np.float32]

    def log_likelihoods(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """[T, D] -> [T, K]."""
        return np.logaddexp.reduce(self.component_log_likelihoods(vectors), axis=2)

    def component_log_likelihoods(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """[T, D] -> [T, K, M], mixture weights included."""
        n_states, n_mix, dim = self.means.shape
        precision = (1.0 / self.variances).reshape(-1, dim)
        means = self.means.reshape(-1, dim)
        constant = -0.5 * (
            np.float32(dim * np.log(2 * np.pi))
            + np.log(self.variances).reshape(-1, dim).sum(axis=1)
            + (means**2 * precision).sum(axis=1)
        )
        scores = constant + vectors @ (means * precision).T - 0.5 * (vectors**2) @ precision.T
        return scores.reshape(len(vectors), n_states, n_mix) + self.log_weights


class Graph(NamedTuple):
    """The states of one clip in order, silence before, between words and after.

    emission: int [S], row of the model's mixtures; log_stay, log_step, log_skip: [S], of entering
    this state from itself, the one before, or over the silence before it; phone: int [S], position among
    the spoken phones, -1 for silence.
    """

    emission: NDArray[np.int64]
    log_stay: NDArray[np.float32]
    log_step: NDArray[np.float32]
    log_skip: NDArray[np.float32]
    phone: NDArray[np.int64]


def build_graph(model: Model, units: Sequence[str], pause_log_odds: Sequence[float]) -> Graph:
    """The states of a clip.

    units: acoustic units of the spoken phones; pause_log_odds: one per phone, log odds that silence
    follows it (-inf inside words).
    """
    index = {label: position for position, label in enumerate(model.labels)}
    anything = index[ANYTHING]
    emission = [0] * SILENCE_STATES
    phone = [-1] * SILENCE_STATES
    step_cost = [0.0] * SILENCE_STATES
    skip_cost = [-np.inf] * SILENCE_STATES
    n_units = len(units)
    for position, unit in enumerate(units):
        row = STATES_PER_PHONE * index.get(unit, anything)
        emission += range(row, row + STATES_PER_PHONE)
        phone += [position] * STATES_PER_PHONE
        step_cost += [0.0] * STATES_PER_PHONE
        after_pause = position > 0 and pause_log_odds[position - 1] > -np.inf
        skip = -np.logaddexp(0.0, pause_log_odds[position - 1]) if after_pause else -np.inf
        skip_cost += [float(skip), -np.inf, -np.inf]
        if pause_log_odds[position] > -np.inf or position == n_units - 1:
            enter = 0.0 if position == n_units - 1 else -np.logaddexp(0.0, -pause_log_odds[position])
            emission += [0] * SILENCE_STATES
            phone += [-1] * SILENCE_STATES
            step_cost += [float(enter)] + [0.0] * (SILENCE_STATES - 1)
            skip_cost += [-np.inf] * SILENCE_STATES
    states = np.array(emission)
    stay = model.log_stay[states]
    leave = np.log1p(-np.exp(stay))
    from_before = np.concatenate([[_IMPOSSIBLE], leave[:-1]])
    over = np.concatenate([np.full(SILENCE_STATES + 1, _IMPOSSIBLE), leave[: -SILENCE_STATES - 1]])
    return Graph(
        emission=states,
        log_stay=stay.astype(np.float32),
        log_step=np.maximum(from_before + np.array(step_cost), _IMPOSSIBLE).astype(np.float32),
        log_skip=np.maximum(over + np.array(skip_cost), _IMPOSSIBLE).astype(np.float32),
        phone=np.array(phone),
    )


class Batch(NamedTuple):
    """Clips side by side: emissions [T, B, S], graph arrays [B, S], lengths in frames and last states [B]."""

    emissions: NDArray[np.float32]
    log_stay: NDArray[np.float32]
    log_step: NDArray[np.float32]
    log_skip: NDArray[np.float32]
    n_frames: NDArray[np.int64]
    n_states: NDArray[np.int64]


def stack(graphs: Sequence[Graph], likelihoods: Sequence[NDArray[np.float32]]) -> Batch:
    """Pads clips to one batch; likelihoods: per clip [T, K]."""
    n_frames = np.array([len(clip) for clip in likelihoods])
    n_states = np.array([len(graph.emission) for graph in graphs])
    shape = (len(graphs), int(n_states.max()))
    emissions = np.full((int(n_frames.max()), *shape), _IMPOSSIBLE, dtype=np.float32)
    moves = np.full((3, *shape), _IMPOSSIBLE, dtype=np.float32)
    for row, (graph, clip) in enumerate(zip(graphs, likelihoods, strict=True)):
        emissions[: len(clip), row, : len(graph.emission)] = clip[:, graph.emission]
        for kind, values in enumerate((graph.log_stay, graph.log_step, graph.log_skip)):
            moves[kind, row, : len(values)] = values
    return Batch(emissions, moves[0], moves[1], moves[2], n_frames, n_states)


def viterbi(batch: Batch) -> tuple[list[NDArray[np.int64]], NDArray[np.float64]]:
    """Best state sequence of each clip, [T_b] each, and its log-likelihood per frame [B].

    A clip without any path (more states than frames) has an empty sequence and -inf.
    """
    n_time, n_clips, n_states = batch.emissions.shape
    reach = SILENCE_STATES + 1
    score = np.full((n_clips, n_states), _IMPOSSIBLE, dtype=np.float32)
    score[:, 0] = batch.emissions[0, :, 0]
    back = np.zeros((n_time, n_clips, n_states), dtype=np.uint8)
    final = np.full(n_clips, -np.inf)
    rows = np.arange(n_clips)
    candidates = np.full((3, n_clips, n_states), _IMPOSSIBLE, dtype=np.float32)
    for time in range(n_time):
        if time > 0:
            np.add(score, batch.log_stay, out=candidates[0])
            np.add(score[:, :-1], batch.log_step[:, 1:], out=candidates[1, :, 1:])
            np.add(score[:, :-reach], batch.log_skip[:, reach:], out=candidates[2, :, reach:])
            back[time] = candidates.argmax(axis=0)
            score = candidates.max(axis=0) + batch.emissions[time]
            np.maximum(score, _IMPOSSIBLE, out=score)
        ended = batch.n_frames == time + 1
        final[ended] = score[rows[ended], batch.n_states[ended] - 1]
    steps = np.array([0, 1, reach])
    paths = []
    for row in range(n_clips):
        path = np.empty(batch.n_frames[row], dtype=np.int64)
        state = batch.n_states[row] - 1
        for time in range(batch.n_frames[row] - 1, -1, -1):
            path[time] = state
            state -= steps[back[time, row, state]]
        paths.append(path if final[row] > _IMPOSSIBLE / 2 else path[:0])
    final[final <= _IMPOSSIBLE / 2] = -np.inf
    return paths, final / batch.n_frames


def occupancies(batch: Batch, scale: float) -> NDArray[np.float32]:
    """Posterior probability of every state at every time, [T, B, S] (Baum-Welch's gamma).

    scale: exponent of the emissions; below 1 it blurs the alignment, which keeps a flat start from
    settling on the first guess (deterministic annealing, Ueda & Nakano 1998). Clips without a path: zeros.
    """
    n_time, n_clips, n_states = batch.emissions.shape
    reach = SILENCE_STATES + 1
    live = batch.emissions > _IMPOSSIBLE / 2
    shifted = np.where(live, batch.emissions, -np.inf)
    best = shifted.max(axis=2, keepdims=True)
    emit = np.exp(np.maximum(scale * (shifted - np.where(np.isfinite(best), best, 0.0)), -60.0))
    emit = (emit * live).astype(np.float64)
    stay, step, skip = (
        np.exp(m.astype(np.float64)) for m in (batch.log_stay, batch.log_step, batch.log_skip)
    )
    alpha = np.zeros((n_time, n_clips, n_states))
    current = np.zeros((n_clips, n_states))
    current[:, 0] = 1.0
    for time in range(n_time):
        if time > 0:
            moved = current * stay
            moved[:, 1:] += current[:, :-1] * step[:, 1:]
            moved[:, reach:] += current[:, :-reach] * skip[:, reach:]
            current = moved * emit[time]
        current /= current.sum(axis=1, keepdims=True) + 1e-300
        alpha[time] = current
    rows = np.arange(n_clips)
    current = np.zeros((n_clips, n_states))
    for time in range(n_time - 1, -1, -1):
        if time < n_time - 1:
            weighted = current * emit[time + 1]
            current = weighted * stay
            current[:, :-1] += weighted[:, 1:] * step[:, 1:]
            current[:, :-reach] += weighted[:, reach:] * skip[:, reach:]
            current /= current.sum(axis=1, keepdims=True) + 1e-300
        ended = batch.n_frames == time + 1
        current[ended] = 0.0
        current[rows[ended], batch.n_states[ended] - 1] = 1.0
        alpha[time] *= current
        alpha[time] /= alpha[time].sum(axis=1, keepdims=True) + 1e-300
    return alpha.astype(np.float32)
