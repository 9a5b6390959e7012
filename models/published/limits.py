"""What a published file may ask of the machine, and how it is refused.

The limits lie far above what published files hold: the largest, of a StyleTTS 2 training with its optimisers,
has some 20,000 tensors, half a million instructions and a nesting of ten.
"""

from collections.abc import Collection, Iterator, Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor

from configs.errors import UserError

MAX_INSTRUCTIONS = 1_000_000
"""Of a pickle."""
MAX_PICKLE_BYTES = 64 << 20
MAX_VALUES = 1_000_000
"""Of a file once every reference is followed: lists that share lists can stand for more than any memory."""
MAX_DEPTH = 64
"""Of containers in containers."""
MAX_NAME = 512
"""Characters of a name in a table."""
MAX_DIMENSIONS = 16
MAX_MEMBERS = 100_000
"""Of a zip file."""
MAX_DIRECTORY_BYTES = 32 << 20
"""Of a zip file's directory, and of the header of a safetensors file."""

_TIMES_SHARED = 8
"""How often tensors may name the same numbers, as tied weights do."""
_SMALL_BYTES = 1 << 20
_NOTHING = object()


class HyperParameters:
    """Stands for the `utils.HParams` of a file: its attributes."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}


class UnusableError(Exception):
    """Why a file is not read, and what to do about it; told with the file's name."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem


def damaged(reason: object) -> UnusableError:
    """For a file that contradicts its format."""
    said = str(reason).strip().split("\n")[0][:200]
    return UnusableError(f"is cut short, damaged or no checkpoint ({said})", "download it again")


def excessive(what: str) -> UnusableError:
    """For a file that would take more than any published one."""
    return UnusableError(f"{what}, as no published file does", "get it from a source you trust")


def require_name(name: str) -> None:
    """Refuse a name that no message could show.

    Raises:
        UnusableError: it is too long, or not printable.
    """
    if len(name) > MAX_NAME:
        raise excessive(f"holds a name of {len(name)} characters ({name[:20]!r}...)")
    if name and not name.isprintable():
        raise damaged(f"the name {name[:60]!a} holds control characters")


def require_within_limits(content: Any) -> None:
    """Refuse nesting without end, and values that are more than they seem.

    Raises:
        UnusableError: the content holds itself, nests deeper or unfolds to more values than the limits.
    """
    # Not recursive: the content's own depth must not exhaust ours.
    finished: dict[int, tuple[int, int]] = {}
    """Values in each container, references followed, and how deep it nests."""
    opened = [_Opened(content)]
    held_open = {id(content)}
    while opened:
        top = opened[-1]
        if len(opened) + top.depth > MAX_DEPTH:
            raise excessive(f"nests more than {MAX_DEPTH} tables and lists in each other")
        if top.n_values > MAX_VALUES:
            raise excessive(f"unfolds to more than {MAX_VALUES:,} values")
        each = next(top.rest, _NOTHING)
        if each is _NOTHING:
            finished[id(top.value)] = top.n_values, top.depth + 1
            held_open.discard(id(top.value))
            opened.pop()
            if opened:
                opened[-1].add(finished[id(top.value)])
        elif id(each) in held_open:
            raise excessive("holds a table or list that contains itself")
        elif id(each) in finished:
            top.add(finished[id(each)])
        elif _held(each):
            opened.append(_Opened(each))
            held_open.add(id(each))
        else:
            top.add((1, 0))


class _Opened:
    """A container of which some values have been seen."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.rest = iter(_held(value))
        self.n_values, self.depth = 1, 0

    def add(self, seen: tuple[int, int]) -> None:
        self.n_values += seen[0]
        self.depth = max(self.depth, seen[1])


def require_numbers(content: Any) -> None:
    """Refuse tensors that claim more numbers than the file holds, which would fill the memory once used.

    Args:
        content: Within the limits already.

    Raises:
        UnusableError: the first such tensor.
    """
    claimed, held = 0, dict[int, int]()
    for name, tensor in _tensors(content, ""):
        n_bytes, storage = prod(tensor.shape) * tensor.element_size(), tensor.untyped_storage()
        if n_bytes > storage.nbytes():
            raise UnusableError(
                f"{name or 'its tensor'} claims the shape {list(tensor.shape)} but holds fewer numbers",
                "download the file again from a source you trust",
            )
        claimed += n_bytes
        held[storage.data_ptr()] = storage.nbytes()
    if claimed > _TIMES_SHARED * sum(held.values()) + _SMALL_BYTES:
        raise excessive(f"its tensors claim {claimed} bytes and share {sum(held.values())}")


def require_finite(weights: Mapping[str, Tensor], source: str) -> None:
    """Refuse weights that are no numbers.

    Args:
        source: The file's name, for errors.

    Raises:
        UserError: NaN or an infinity; the first such weight is named.
    """
    lost = [name for name, tensor in weights.items() if not is_finite(tensor)]
    if lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        raise UserError(
            f"{source}: {lost[0]}{more}: values that are no finite numbers; the training that made the file "
            "has diverged, or it is damaged: give another"
        )


def is_finite(tensor: Tensor) -> bool:
    """Whether no value is NaN or infinite; integers never are."""
    if not tensor.is_floating_point() or tensor.numel() == 0:
        return True
    # The extremes tell, in a tenth of the memory that a mask takes.
    least, most = torch.aminmax(tensor)
    return bool(torch.isfinite(least) and torch.isfinite(most))


def _tensors(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _tensors(item, f"{name}.{key}" if name else str(key))
    elif _held(value):
        for item in _held(value):
            yield from _tensors(item, name)


def _held(value: Any) -> Collection[Any]:
    """What a container holds, nothing for other values; of a table the values, since its names are plain."""
    if isinstance(value, dict):
        return value.values()
    if type(value) in (list, tuple):
        return value
    return value.settings.values() if isinstance(value, HyperParameters) else ()
