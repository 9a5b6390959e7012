"""Networks that a pass runs through without training them."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from models.layers.conv import held_weights


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """No parameter of `module` takes a gradient or changes inside the block; activations still take one."""
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        with held_weights(module):
            yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)
