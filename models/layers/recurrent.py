"""Recurrence that gradients pass through without learning anything itself."""

from torch import nn


def let_gradients_pass(module: nn.Module) -> None:
    """Put the LSTMs of a module that is in evaluation mode into training mode.

    cuDNN computes gradients through LSTMs in that mode alone; without dropout the two modes compute the same.

    Raises:
        ValueError: an LSTM has dropout.
    """
    for name, part in module.named_modules():
        if isinstance(part, nn.LSTM):
            if part.dropout:
                raise ValueError(f"{name} drops {part.dropout:g} of its values in training mode")
            part.train()
