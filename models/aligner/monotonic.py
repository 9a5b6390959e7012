"""Monotonic alignment search: the best path on which every token has at least one frame and none comes back.

The recursion is that of Glow-TTS (Kim et al. 2020, arXiv:2005.11129), section 3.3, with the rules for ties
and edges of its published `monotonic_align`.
"""

import torch
from torch import Tensor

from configs.errors import UserError
from models.layers.masking import sequence_mask


@torch.no_grad()
def monotonic_path(similarity: Tensor, text_lengths: Tensor, frame_lengths: Tensor) -> Tensor:
    """The path with the greatest sum of `similarity` [B, S, T]: [B, S, T] of 0 and 1, 0 at padding.

    All rows at once, frame by frame; on a GPU nothing waits for the device.

    Args:
        text_lengths, frame_lengths: [B] int64 ON THE CPU.

    Raises:
        UserError: a row has more tokens than frames, or no token.
    """
    _check(text_lengths, frame_lengths)
    n_tokens, n_frames = similarity.shape[1:]
    last_token = (text_lengths - 1).to(similarity.device, non_blocking=True)
    heard = sequence_mask(frame_lengths.to(similarity.device, non_blocking=True), n_frames)

    # Beyond its last frame a row does not turn, so all rows walk back from the batch's last frame together.
    turns = (_turns(similarity.permute(2, 0, 1)) & heard.T[..., None]).long()
    token = last_token[:, None]
    path = []
    for turn in reversed(turns.unbind()):
        path.append(token)
        token = token - turn.gather(1, token)
    token_of = torch.cat(path[::-1], 1)
    is_on_path = torch.arange(n_tokens, device=token.device)[:, None] == token_of[:, None]
    return (is_on_path & heard[:, None]).to(similarity.dtype)


def _turns(similarity: Tensor) -> Tensor:
    """[T, B, S] -> bool: the best path to this frame and token had the token before it one frame ago.

    `best[y, :, x + 1]` is the greatest sum of a path that has come to token x by the frame before y; the
    first column stands for no token at all, where a path can be before the first frame only.
    """
    n_frames, n_rows, n_tokens = similarity.shape
    best = similarity.new_full((n_frames + 1, n_rows, n_tokens + 1), -torch.inf)
    best[0, :, 0] = 0
    stay, turn = best[..., 1:], best[..., :-1]
    for now, gain, stayed, turned in zip(
        stay[1:].unbind(), similarity.unbind(), stay.unbind(), turn.unbind(), strict=False
    ):
        torch.add(torch.maximum(stayed, turned), gain, out=now)
    return stay[:-1] < turn[:-1]


def _check(text_lengths: Tensor, frame_lengths: Tensor) -> None:
    pairs = zip(text_lengths.tolist(), frame_lengths.tolist(), strict=True)
    for row, (n_tokens, n_frames) in enumerate(pairs):
        if not 0 < n_tokens <= n_frames:
            raise UserError(
                f"monotonic alignment: row {row} of the batch has {n_tokens} tokens and {n_frames} frames of "
                f"25 ms, and every token needs a frame of its own. Leave such utterances out, or correct "
                f"their text."
            )
