"""A second device for machines without one: tensors that say they are elsewhere, their numbers on the CPU.

What is "there" has the device `meta`, may not meet what is on the CPU, cannot be read as an array, and
computes what the CPU computes. So a test can see that everything is moved where it belongs, and that nothing
else changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

THERE = torch.device("meta")

_PACKED = "aten::_pack_padded_sequence"
_MAY_MEET = (
    "aten::copy_",
    "aten::index",
    "aten::index_put",
    "aten::index_put_",
    "aten::_index_put_impl_",
    _PACKED,
    "aten::_pad_packed_sequence",
    "aten::lstm",
)
"""Operators that take tensors of two devices: copies, places as indices, lengths of packed rows."""


class Away(Tensor):
    """A tensor that is there; `inner` holds its numbers."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> Away:
        made: Away = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, inner.size(), inner.stride(), inner.storage_offset(), dtype=inner.dtype, device=THERE
        )
        made.inner = inner
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})

    def tolist(self) -> Any:
        return self.inner.tolist()


class _Moves(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    given = [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, Tensor)]
    away = [isinstance(one, Away) for one in given]
    wanted = kwargs.get("device")
    target = any(away) if wanted is None else torch.device(wanted) == THERE
    name = func._schema.name
    if name == "aten::copy_":
        target = isinstance(args[0], Away)
    elif any(away) and wanted is None and name not in _MAY_MEET:
        strangers = [one for one, is_away in zip(given, away, strict=True) if not is_away and one.dim() > 0]
        if strangers:
            shapes = [tuple(one.shape) for one in strangers]
            raise RuntimeError(f"{name}: tensors of {shapes} are on the CPU, the others are not")
    if wanted is not None:
        kwargs = kwargs | {"device": torch.device("cpu")}
    inner_args, inner_kwargs = tree_map(
        lambda one: one.inner if isinstance(one, Away) else one, (args, kwargs)
    )
    made = func(*inner_args, **inner_kwargs)
    if name == _PACKED:
        return Away(made[0]), made[1]
    if name.endswith("_") and given and made is inner_args[0]:
        return args[0]
    return tree_map(lambda one: Away(one) if isinstance(one, Tensor) else one, made) if target else made


@contextmanager
def second_device() -> Iterator[torch.device]:
    """Makes the device exist for as long as it lasts."""
    autocast = torch.autocast

    def placing(make: Any) -> Any:
        # Numbers of Python's that are laid out on the device `meta` itself are lost.
        def made_of(data: Any, device: Any = None, **named: Any) -> Tensor:
            made: Tensor = make(data, **named)
            return made if device is None else made.to(device)

        return made_of

    def of_cpu(device_type: str, *arguments: Any, **named: Any) -> Any:
        return autocast("cpu" if device_type == THERE.type else device_type, *arguments, **named)

    def without_gradients(mode: bool) -> Any:
        # Tensors of other classes cannot be made in inference mode.
        return torch.set_grad_enabled(not mode)

    with (
        mock.patch.object(torch, "autocast", of_cpu),
        mock.patch.object(torch, "tensor", placing(torch.tensor)),
        mock.patch.object(torch, "as_tensor", placing(torch.as_tensor)),
        mock.patch.object(torch._C, "_InferenceMode", without_gradients),
        _Moves(),
    ):
        yield THERE
