"""Divergence of a sampled posterior from a Gaussian prior (VITS)."""

import torch
from torch import Tensor


def gaussian_kl(z_p: Tensor, logs_q: Tensor, m_p: Tensor, logs_p: Tensor, frame_mask: Tensor) -> Tensor:
    """Scalar in fp32: summed over channels and divided by the number of frames, not of frames x channels.

    All [B, C, T]; `frame_mask` [B, 1, T]. `z_p` is a posterior sample carried through the flow, so this is an
    estimate by one sample and may be negative.
    """
    z_p, logs_q, m_p, logs_p = z_p.float(), logs_q.float(), m_p.float(), logs_p.float()
    divergence = logs_p - logs_q - 0.5 + 0.5 * (z_p - m_p).square() * torch.exp(-2 * logs_p)
    return (divergence * frame_mask).sum() / frame_mask.sum()
