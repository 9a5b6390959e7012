"""Named losses and the weights that add them up."""

from collections.abc import Mapping

from torch import Tensor

from configs.errors import UserError


def weighted_total(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Sum of `weight * loss`, a scalar.

    Raises:
        UserError: the losses and the weights do not have exactly the same names.
    """
    if losses.keys() != weights.keys():
        raise UserError(
            f"loss weights: got {sorted(weights)}, but the losses are {sorted(losses)}; give each one weight"
        )
    terms = [losses[name] * weight for name, weight in weights.items()]
    return sum(terms[1:], start=terms[0])
