"""One more code per row: with a cache that grows, or recorded once as a CUDA graph and replayed."""

from collections.abc import Callable

import torch
from torch import Tensor

from models.t2s.kv_cache import KeyValueCache, StaticCache
from models.t2s.model import TextToSemantic, sine_positions

Step = Callable[[Tensor], Tensor]
"""Codes [B] just chosen -> hidden states [B, W] that predict the next ones."""

WARM_UP_STEPS = 3


def growing_step(model: TextToSemantic, cache: KeyValueCache, n_given: int, seen: Tensor | None) -> Step:
    """A step that reads no more of the cache than is filled.

    Args:
        cache: filled with the text and `n_given` codes.
        seen: [B, capacity] bool, false on the text's padding; None where no row has any.
    """
    places = _places(model, cache, n_given)
    bias = None if seen is None else _scores(seen, model.cache_dtype)
    done = 0

    def step(codes: Tensor) -> Tensor:
        nonlocal done
        place = places[done : done + 1]
        done += 1
        allowed = None if bias is None else bias[..., : cache.length + 1]
        return model.next_hidden(codes, place, cache, allowed)

    return step


class StaticStep:
    """A step whose every tensor has one shape and one address, with no value read by the host.

    Args: as `growing_step`.
    """

    def __init__(
        self, model: TextToSemantic, cache: KeyValueCache, n_given: int, seen: Tensor | None
    ) -> None:
        self.model = model
        self.cache = StaticCache(cache)
        self.seen = seen
        self.places = _places(model, cache, n_given)
        self.done = torch.zeros(1, dtype=torch.int64, device=self.places.device)

    def __call__(self, codes: Tensor) -> Tensor:
        visible = self.cache.visible()[None] if self.seen is None else self.cache.visible() & self.seen
        place = self.places.index_select(0, self.done)
        self.done.add_(1)
        allowed = _scores(visible, self.model.cache_dtype)
        return self.model.next_hidden(codes, place, self.cache, allowed)

    def rewind(self) -> None:
        """Back to before the first step."""
        self.cache.rewind()
        self.done.zero_()


def graphed_step(model: TextToSemantic, cache: KeyValueCache, n_given: int, seen: Tensor | None) -> Step:
    """`StaticStep` recorded as a CUDA graph, for a model on a CUDA device. Arguments as `growing_step`."""
    static = StaticStep(model, cache, n_given, seen)
    codes = torch.zeros(cache.held.shape[2], dtype=torch.int64, device=cache.held.device)
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP_STEPS):
            static.rewind()
            static(codes)
    torch.cuda.current_stream().wait_stream(aside)
    static.rewind()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        hidden = static(codes)
    # Recording runs nothing, so the position still stands before the first step.

    def step(chosen: Tensor) -> Tensor:
        codes.copy_(chosen)
        graph.replay()
        return hidden

    return step


def _places(model: TextToSemantic, cache: KeyValueCache, n_given: int) -> Tensor:
    """[N, W] positions of the codes to come."""
    room = cache.held.shape[4] - cache.length
    return sine_positions(n_given + room, model.config.width, cache.held.device)[n_given:]


def _scores(visible: Tensor, dtype: torch.dtype) -> Tensor:
    """[B, N] bool -> [B, 1, 1, N] to add to attention scores."""
    hidden = torch.zeros(visible.shape, dtype=dtype, device=visible.device)
    return hidden.masked_fill_(~visible, -torch.inf)[:, None, None]
