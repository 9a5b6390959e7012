"""Which clips or texts a network reads at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def by_length(lengths: Sequence[int], device: torch.device, room: int) -> list[list[int]]:
    """Places in `lengths`, in groups to be read at once: about equally long ones, padded to `room` at most.

    On a CPU everything is read alone and in order: padding would cost as much as it saves, and what is made
    must not depend on what lies beside it.
    """
    if device.type == "cpu":
        return [[place] for place in range(len(lengths))]
    groups: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda at: -lengths[at]):
        # Longest first: the first of a group is what all of it is padded to.
        if groups and (len(groups[-1]) + 1) * lengths[groups[-1][0]] <= room:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups
