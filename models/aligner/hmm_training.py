"""Training of the built-in aligner's models, from a flat start or from known phone times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.aligner import hmm
from models.aligner.features import Features

_STATES = hmm.STATES_PER_PHONE
_BATCH_ELEMENTS = 6_000_000
_VARIANCE_FLOOR = 0.05
# Frames of all speech (or of the model that is adapted) that every state is thought to have seen.
_FLAT_PRIOR_FRAMES = 25.0
_ADAPTATION_PRIOR_FRAMES = 8.0
# Exponents of the emissions over the iterations: blurred at first, sharp at the end.
FLAT_START_SCALES = (0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.0, 1.0, 1.0)
MIXTURE_SCALES = (1.0, 1.0, 1.0, 1.0)
ADAPTATION_SCALES = (0.1, 0.2, 0.4, 0.7, 1.0, 1.0)


class Clip(NamedTuple):
    """One clip to learn from.

    features: of the padded clip; units: acoustic units of the spoken phones; pause_log_odds: one per phone;
    silent: bool [T], frames too quiet to be speech; loud: bool [T], frames too loud to be silence.
    """

    features: Features
    units: Sequence[str]
    pause_log_odds: Sequence[float]
    silent: NDArray[np.bool_]
    loud: NDArray[np.bool_]


def flat_start(clips: Sequence[Clip], progress: Callable[[int, int], None] | None = None) -> hmm.Model:
    """Models from clips and their phones alone.

    The first guess spreads the phones evenly over the frames that are not silent; silence starts as the quiet
    frames. Then Baum-Welch from blurred to sharp, then two Gaussians a state. Deterministic.
    """
    model = model_of_segmentation(clips, [even_segmentation(clip) for clip in clips], n_mix=1)
    scales = FLAT_START_SCALES + MIXTURE_SCALES
    for iteration, scale in enumerate(scales):
        if iteration == len(FLAT_START_SCALES):
            model = split(model)
        model = reestimate(model, clips, scale)
        if progress is not None:
            progress(iteration + 1, len(scales))
    return model


def even_segmentation(clip: Clip) -> NDArray[np.int64]:
    """State of each frame if all phones were equally long: int [T], 3 x position + state, -1 silence."""
    speech = np.flatnonzero(~clip.silent)
    path = np.full(len(clip.silent), -1)
    path[speech] = np.arange(len(speech)) * (_STATES * len(clip.units)) // max(1, len(speech))
    return path


def model_of_segmentation(clips: Sequence[Clip], paths: Sequence[NDArray[np.int64]], n_mix: int) -> hmm.Model:
    """Models of a known segmentation; paths as `even_segmentation` returns them."""
    labels = (hmm.SILENCE, hmm.ANYTHING, *sorted({unit for clip in clips for unit in clip.units}))
    index = {label: position for position, label in enumerate(labels)}
    statistics = _Statistics(len(labels) * _STATES, 1, clips[0].features.vectors.shape[1])
    for clip, path in zip(clips, paths, strict=True):
        rows = np.array([index[unit] for unit in clip.units])
        spoken = path >= 0
        states = np.zeros(len(path), dtype=np.int64)
        states[spoken] = rows[path[spoken] // _STATES] * _STATES + path[spoken] % _STATES
        gamma = np.zeros((len(path), len(labels) * _STATES), dtype=np.float32)
        gamma[np.arange(len(path)), states] = 1.0
        starts = np.bincount(states[np.flatnonzero(np.diff(path, prepend=-2))], minlength=gamma.shape[1])
        statistics.add(clip.features.vectors, gamma[:, :, None], gamma.sum(axis=0), starts)
    model = statistics.model(labels)
    for _ in range(n_mix - 1):
        model = split(model)
    return model


def adapt(prior: hmm.Model, clips: Sequence[Clip]) -> hmm.Model:
    """Moves a model to a voice as far as the clips give reason to (MAP, Gauvain & Lee 1994)."""
    model = prior
    for scale in ADAPTATION_SCALES:
        model = reestimate(model, clips, scale, prior)
    return model


def reestimate(
    model: hmm.Model, clips: Sequence[Clip], scale: float, prior: hmm.Model | None = None
) -> hmm.Model:
    """One Baum-Welch iteration; prior: what states with few frames stay close to, instead of all speech."""
    statistics = _Statistics(*model.means.shape)
    for group in _batches(clips):
        components = [model.component_log_likelihoods(clip.features.vectors) for clip in group]
        likelihoods = [
            quiet_silence(np.logaddexp.reduce(c, axis=2), clip.loud)
            for c, clip in zip(components, group, strict=True)
        ]
        graphs = [hmm.build_graph(model, clip.units, clip.pause_log_odds) for clip in group]
        gammas = hmm.occupancies(hmm.stack(graphs, likelihoods), scale)
        for row, (clip, graph, parts, total) in enumerate(
            zip(group, graphs, components, likelihoods, strict=True)
        ):
            own = gammas[: len(total), row, : len(graph.emission)]
            gamma = np.zeros_like(total)
            np.add.at(gamma.T, graph.emission, own.T)
            share = np.exp(scale * (parts - np.logaddexp.reduce(parts, axis=2)[:, :, None]))
            share /= share.sum(axis=2, keepdims=True)
            frames = np.bincount(graph.emission, own.sum(axis=0), minlength=total.shape[1])
            visits = np.bincount(graph.emission, (own.sum(axis=0) > 0.5), minlength=total.shape[1])
            statistics.add(clip.features.vectors, gamma[:, :, None] * share, frames, visits)
    return statistics.model(model.labels, prior)


def quiet_silence(
    likelihoods: NDArray[np.float32], loud: NDArray[np.bool_], penalty: float = 30.0
) -> NDArray[np.float32]:
    """The same likelihoods [T, K] with silence made improbable where the clip is loud."""
    likelihoods[loud, :_STATES] -= np.float32(penalty)
    return likelihoods


def split(model: hmm.Model) -> hmm.Model:
    """Every Gaussian in two, a fifth of a standard deviation either side."""
    shift = 0.2 * np.sqrt(model.variances)
    return hmm.Model(
        labels=model.labels,
        means=np.concatenate([model.means - shift, model.means + shift], axis=1),
        variances=np.concatenate([model.variances, model.variances], axis=1),
        log_weights=np.concatenate([model.log_weights, model.log_weights], axis=1) - np.float32(np.log(2)),
        log_stay=model.log_stay,
    )


class _Statistics:
    """Sums from which Gaussians are made; K states, M components, D dimensions."""

    def __init__(self, n_states: int, n_mix: int, dim: int) -> None:
        self.count = np.zeros((n_states, n_mix))
        self.total = np.zeros((n_states, n_mix, dim))
        self.square = np.zeros((n_states, n_mix, dim))
        self.frames = np.zeros(n_states)
        self.visits = np.zeros(n_states)

    def add(
        self,
        vectors: NDArray[np.float32],
        gamma: NDArray[np.float32],
        frames: NDArray[Any],
        visits: NDArray[Any],
    ) -> None:
        """vectors [T, D], gamma [T, K, M], frames and visits [K]."""
        flat = gamma.reshape(len(gamma), -1).T
        self.count += gamma.sum(axis=0)
        self.total += (flat @ vectors).reshape(self.total.shape)
        self.square += (flat @ (vectors**2)).reshape(self.square.shape)
        self.frames += frames
        self.visits += visits

    def model(self, labels: tuple[str, ...], prior: hmm.Model | None = None) -> hmm.Model:
        """Maximum-likelihood Gaussians, drawn to all speech where there are few frames."""
        sums = [self.count.copy(), self.total.copy(), self.square.copy()]
        for values in sums:
            values[1:_STATES] = 0.0
            speech = values[2 * _STATES :].sum(axis=(0, 1))
            values[_STATES : 2 * _STATES] = speech / values.shape[1]
        count, total, square = sums
        prior_mean = total[_STATES, 0] / max(count[_STATES, 0], 1.0)
        prior_variance = square[_STATES, 0] / max(count[_STATES, 0], 1.0) - prior_mean**2
        n_prior = _FLAT_PRIOR_FRAMES
        if prior is not None:
            n_prior = _ADAPTATION_PRIOR_FRAMES
            prior_mean, prior_variance = prior.means, prior.variances
        weight = count[:, :, None] + n_prior
        means = (total + n_prior * prior_mean) / weight
        second = (square + n_prior * (prior_mean**2 + prior_variance)) / weight
        variances = np.maximum(second - means**2, _VARIANCE_FLOOR)
        weights = (count + 1.0) / (count + 1.0).sum(axis=1, keepdims=True)
        stay = np.clip(1 - self.visits / np.maximum(self.frames, 1.0), 0.3, 0.95)
        stay[self.visits == 0] = 0.75
        stay[:_STATES] = 0.9
        return hmm.Model(
            labels,
            means.astype(np.float32),
            variances.astype(np.float32),
            np.log(weights).astype(np.float32),
            np.log(stay).astype(np.float32),
        )


def _batches(clips: Sequence[Clip]) -> list[list[Clip]]:
    """Clips of similar length together, as many as fit in memory; the same for the same clips."""
    groups: list[list[Clip]] = []
    elements = 0
    for clip in sorted(clips, key=lambda clip: len(clip.silent)):
        size = len(clip.silent) * (len(clip.units) * (_STATES + 2) + 2 * hmm.SILENCE_STATES)
        if not groups or elements + size > _BATCH_ELEMENTS:
            groups.append([])
            elements = 0
        groups[-1].append(clip)
        elements += size
    return groups
