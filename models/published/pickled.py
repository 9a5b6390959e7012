"""The pickle inside a checkpoint, read by an interpreter that can make tables, lists, numbers and tensors.

Nothing in a file is imported or called. The names of classes that published files use beside tensors stand
for plain values (`_MADE`); any other is refused and named. Every instruction is checked as it is read, and
numbers are read from the file only once it is known that the file has them.

Source: Python's `pickletools`, whose list of instructions is used, and `torch.serialization`.
"""

import pickletools
from collections.abc import Callable, Mapping
from math import prod
from typing import Any, BinaryIO, NamedTuple, Protocol

import torch
from torch import Tensor

from models.published.limits import (
    MAX_DIMENSIONS,
    MAX_INSTRUCTIONS,
    HyperParameters,
    UnusableError,
    damaged,
    excessive,
    require_name,
)

_LARGEST_SIZE = 1 << 63
_LARGEST_BITS = 128
_KEY_BITS = 63
"""Larger integers can be chosen to stand all in one place of a table, which then takes hours to fill."""


class StoredPath(NamedTuple):
    """Stands for the path of an output folder that Lightning keeps among the settings."""

    parts: tuple[str, ...]


class Passed:
    """Stands for what nothing reads: an optimiser, a schedule of learning rates, one of their methods.

    StyleTTS 2's aligner and pitch extractor were saved by a PyTorch whose schedules keep one of their
    methods, and with it the whole schedule and its optimiser.
    """


class Storages(Protocol):
    """Where the numbers of tensors come from."""

    def take(self, key: str, n_bytes: int) -> torch.UntypedStorage:
        """The storage `key`, of at least `n_bytes`; UnusableError if the file does not hold it."""


class _Named(NamedTuple):
    """A class or function by its name; it is never looked up."""

    name: str


class _Storage(NamedTuple):
    """Numbers of one type."""

    data: torch.UntypedStorage
    dtype: torch.dtype
    n: int


_DTYPES = {
    "torch.FloatStorage": torch.float32,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.DoubleStorage": torch.float64,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
}

_MARK = object()


def _tensor(storage: Any = None, offset: Any = 0, size: Any = (), stride: Any = (), *_: Any) -> Tensor:
    """A tensor whose numbers lie within its storage; the same number may stand for several."""
    if not isinstance(storage, _Storage):
        raise damaged("a tensor without numbers")
    shape, steps = _extent(size), _extent(stride)
    if len(shape) != len(steps) or type(offset) is not int or offset < 0:
        raise damaged(f"a tensor of the shape {list(shape)} and the strides {list(steps)}")
    last = offset + sum((n - 1) * step for n, step in zip(shape, steps, strict=True)) + 1
    if 0 not in shape and last > storage.n:
        raise damaged(f"a tensor of the shape {list(shape)} in a storage of {storage.n} numbers")
    if prod(n or 1 for n in shape) * storage.dtype.itemsize >= _LARGEST_SIZE:
        raise damaged(f"a tensor of the shape {list(shape)}")
    return torch.empty(0, dtype=storage.dtype).set_(storage.data, offset, shape, steps)


def _extent(value: Any) -> tuple[int, ...]:
    if (
        type(value) is not tuple
        or len(value) > MAX_DIMENSIONS
        or not all(type(n) is int and 0 <= n < _LARGEST_SIZE for n in value)
    ):
        raise damaged("a tensor whose shape or strides are no sizes")
    return value


def _parameter(tensor: Any = None, *_: Any) -> Tensor:
    if not isinstance(tensor, Tensor):
        raise damaged("a parameter without a tensor")
    return tensor


def _size(size: Any = (), *_: Any) -> tuple[int, ...]:
    return _extent(size)


def _path(*parts: Any) -> StoredPath:
    return StoredPath(tuple(part for part in parts if isinstance(part, str)))


def _hyper_parameters(*_: Any) -> HyperParameters:
    return HyperParameters()


def _table(*arguments: Any) -> dict[Any, Any]:
    if any(not isinstance(each, _Named) for each in arguments):
        raise damaged("a table made from values")
    return {}


def _passed(*_: Any) -> Passed:
    return Passed()


_MADE: Mapping[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.Size": _size,
    "collections.OrderedDict": _table,
    "collections.defaultdict": _table,
    "collections.Counter": _table,
    "builtins.dict": _table,
    "utils.HParams": _hyper_parameters,
    "GPT_SoVITS.utils.HParams": _hyper_parameters,
    "pathlib.PosixPath": _path,
    "pathlib.WindowsPath": _path,
    "pathlib._local.PosixPath": _path,
    "pathlib._local.WindowsPath": _path,
    "torch.optim.lr_scheduler.OneCycleLR": _passed,
    "torch.optim.adamw.AdamW": _passed,
    "torch.optim.adam.Adam": _passed,
    "torch.device": _passed,
    "builtins.getattr": _passed,
    "builtins.set": _passed,
    "_codecs.encode": _passed,
    **{f"torch.{name}": _passed for name in ("float16", "bfloat16", "float32", "float64", "int64", "int32")},
}
"""What the classes and functions that published files name are made into, from their arguments."""


_OTHER_TENSORS = ("torch._utils._rebuild_", "torch.serialization._get_layout", "torch.nested.")


def read_pickle(stream: BinaryIO, storages: Storages) -> Any:
    """The value of one pickle of the protocol that torch writes; the stream stands behind it afterwards.

    Raises:
        UnusableError: it is damaged, names a class that is not admitted, or is larger than the limits.
    """
    machine = _Machine(storages)
    try:
        for count, (instruction, argument, _) in enumerate(pickletools.genops(stream)):
            if count >= MAX_INSTRUCTIONS:
                raise excessive(f"holds more than {MAX_INSTRUCTIONS:,} pickled instructions")
            machine.follow(instruction.name, argument)
        return machine.stack.pop()
    except LookupError as error:
        raise damaged("its pickle uses a value that it never made") from error
    # What `genops` raises for bytes that are no instruction.
    except ValueError as error:
        raise damaged(error) from error


class _Machine:
    """The stack and the memo of a pickle."""

    def __init__(self, storages: Storages) -> None:
        self.storages = storages
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def follow(self, instruction: str, argument: Any) -> None:
        stack = self.stack
        match instruction:
            case "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case "BINUNICODE":
                # Lone surrogates come through the format and could not be printed.
                argument.encode("utf-8")
                stack.append(argument)
            case "BININT" | "BININT1" | "BININT2" | "BINFLOAT" | "SHORT_BINSTRING":
                stack.append(argument)
            case "LONG1":
                if argument.bit_length() > _LARGEST_BITS:
                    raise damaged(f"an integer of {argument.bit_length()} bits")
                stack.append(argument)
            case "MARK":
                stack.append(_MARK)
            case "TUPLE":
                stack.append(tuple(self._above_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                self._tuple(int(instruction[-1]))
            case "EMPTY_TUPLE":
                stack.append(())
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "NEWFALSE" | "NEWTRUE":
                stack.append(instruction == "NEWTRUE")
            case "NONE":
                stack.append(None)
            case "SETITEM":
                value, name = stack.pop(), stack.pop()
                self._set([name, value])
            case "SETITEMS":
                self._set(self._above_mark())
            case "APPEND":
                self._extend([stack.pop()])
            case "APPENDS":
                self._extend(self._above_mark())
            case "GLOBAL":
                stack.append(_named(argument))
            case "REDUCE" | "NEWOBJ":
                arguments, named = stack.pop(), stack.pop()
                stack.append(_make(named, arguments))
            case "BUILD":
                self._build(stack.pop())
            case "BINPERSID":
                stack.append(self._storage(stack.pop()))
            case "PROTO" | "STOP":
                pass
            case _:
                raise damaged(f"the pickled instruction {instruction}, which torch does not write")

    def _tuple(self, n: int) -> None:
        if len(self.stack) < n:
            raise damaged("a value is missing")
        self.stack[-n:] = [tuple(self.stack[-n:])]

    def _above_mark(self) -> list[Any]:
        values = []
        while (value := self.stack.pop()) is not _MARK:
            values.append(value)
        return values[::-1]

    def _set(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(pairs) % 2:
            raise damaged("an entry of what is no table")
        for name, value in zip(pairs[::2], pairs[1::2], strict=True):
            if isinstance(name, str):
                require_name(name)
            # An optimiser's state has tensors for names.
            elif not isinstance(name, Tensor) and (
                not isinstance(name, int) or name.bit_length() > _KEY_BITS
            ):
                raise damaged(f"a table with a name that is no text but {type(name).__name__}")
            target[name] = value

    def _extend(self, values: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise damaged("an element of what is no list")
        self.stack[-1].extend(values)

    def _build(self, state: Any) -> None:
        target = self.stack[-1]
        if isinstance(target, HyperParameters):
            if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
                raise damaged("settings that are no table")
            target.settings.update(state)
        # A table's own attributes are versions of modules.
        elif not isinstance(target, dict | Passed):
            raise damaged(f"a state of {type(target).__name__}")

    def _storage(self, identity: Any) -> _Storage:
        if type(identity) is not tuple or len(identity) < 5:
            raise damaged("a storage without type, name and length")
        what, kind, key, _, n = identity[:5]
        dtype = _DTYPES.get(kind.name) if isinstance(kind, _Named) else None
        if what != "storage" or dtype is None or not isinstance(key, str) or type(n) is not int or n < 0:
            raise damaged("a storage without type, name and length")
        if any(part is not None for part in identity[5:]):
            raise damaged("a storage that is part of another")
        return _Storage(self.storages.take(key, n * dtype.itemsize), dtype, n)


def _named(argument: str) -> _Named:
    # Protocol 2 has the name that the module bore in Python 2.
    name = argument.replace("__builtin__ ", "builtins ").replace(" ", ".")
    if name not in _MADE and name not in _DTYPES:
        shown = name[:120] if name.isprintable() else ascii(name[:120])
        if name.startswith(_OTHER_TENSORS) or name.endswith("Storage"):
            raise UnusableError(
                f"holds {shown}, and so other than plain tensors",
                "save it again as dense tensors on the CPU",
            )
        raise UnusableError(
            f"wants to run {shown}, which weights never need",
            "nothing was run. Get the file from a source you trust",
        )
    return _Named(name)


def _make(named: Any, arguments: Any) -> Any:
    make = _MADE.get(named.name) if isinstance(named, _Named) else None
    if make is None or type(arguments) is not tuple:
        raise damaged("a call of what is no class")
    return make(*arguments)
