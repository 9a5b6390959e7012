"""Weights into networks whose names and shapes they must have."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from configs.errors import UserError

LARGEST_SIZE = 1 << 20
LARGEST_DEPTH = 256
"""Limits of what settings beside weights may claim: networks above them could not even be laid out."""

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def require_sizes(sizes: object, source: str) -> None:
    """Refuse sizes that no network has, whatever they stand for; the network itself checks how they fit.

    Args:
        sizes: JSON values by name.

    Raises:
        UserError: the first such size.
    """
    if not isinstance(sizes, Mapping):
        raise UserError(f"{source}: its sizes are no table; export the voice again")
    for name, value in sizes.items():
        limit = LARGEST_DEPTH if "layers" in name or name == "n_flows" else LARGEST_SIZE
        values = value if isinstance(value, list) else [value]
        flat = [n for each in values for n in (each if isinstance(each, list) else [each])]
        if max(len(values), len(flat)) > LARGEST_DEPTH or any(
            isinstance(n, int) and abs(n) > limit for n in flat
        ):
            raise UserError(
                f"{source}: its sizes say {name} = {str(value)[:60]}, which no network has; export the voice "
                "again"
            )


def load_strictly(
    module: nn.Module, weights: Mapping[str, Tensor], source: str, may_lack: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Copy `weights` into `module` in its own precision.

    Args:
        source: the file's name, for errors.
        may_lack: parts of `module` (name prefixes) that keep what they have when the file lacks them.

    Returns:
        Names that the file lacks, all under `may_lack`.

    Raises:
        UserError: names or shapes that do not fit, the first few of them named.
    """
    own = module.state_dict()
    missing = require_fit(own, weights, source, may_lack)
    module.load_state_dict({**own, **weights})
    return missing


def build_strictly(
    make: Callable[[], ModuleT],
    weights: Mapping[str, Tensor],
    source: str,
    may_lack: tuple[str, ...] = (),
) -> tuple[ModuleT, tuple[str, ...]]:
    """Make a module and load it as `load_strictly`, once its sizes are known to be those of the weights.

    A file whose settings lie about its sizes must not make the machine run out of memory.
    """
    with torch.device("meta"):
        require_fit(make().state_dict(), weights, source, may_lack)
    module = make()
    return module, load_strictly(module, weights, source, may_lack)


def require_as_trained(module: nn.Module, make: Callable[[], nn.Module]) -> None:
    """Check that a network's weights go by the names of those that are trained, before they are written.

    Args:
        module: To be written.
        make: Of such a network as it is trained.

    Raises:
        ValueError: it is laid out for speaking, by names that no program reads.
    """
    with torch.device("meta"):
        wanted = make().state_dict().keys()
    if differing := sorted(wanted ^ module.state_dict().keys()):
        raise ValueError(
            f"{type(module).__name__} is laid out for speaking ({differing[0]} and {len(differing) - 1} "
            "more); write it as it was trained"
        )


def require_fit(
    own: Mapping[str, Tensor], weights: Mapping[str, Tensor], source: str, may_lack: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Compare names and shapes with those of a module; arguments, result and errors of `load_strictly`."""
    missing = tuple(sorted(own.keys() - weights.keys()))
    problems = [f"{name} is missing" for name in missing if not name.startswith(may_lack or (" ",))]
    problems += [f"{name} is unknown" for name in sorted(weights.keys() - own.keys())]
    problems += [
        f"{name} is {list(weights[name].shape)} where {list(own[name].shape)} is expected"
        for name in sorted(own.keys() & weights.keys())
        if weights[name].shape != own[name].shape
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise UserError(
            f"{source}: {'; '.join(problems[:3])}{more}; the checkpoint is of another version or size"
        )
    return missing
