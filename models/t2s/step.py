"""One text-to-semantic training step: a batch in, named losses out."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from models.layers.masking import sequence_mask
from models.t2s.model import TextMask, TextToSemantic
from models.t2s.preference import preference_loss


class T2SBatch(NamedTuple):
    """One padded batch; values beyond a row's length are ignored. All tensors on one device."""

    phone_ids: Tensor
    """[B, L] int64."""
    phone_lengths: Tensor
    """[B] int64."""
    bert: Tensor
    """[B, D, L] linguistic features per phoneme, zeros where there are none."""
    codes: Tensor
    """[B, T] int64 semantic codes at 25 Hz, without an end mark."""
    code_lengths: Tensor
    """[B] int64."""
    utterance_ids: tuple[str, ...]


class T2SPrediction(NamedTuple):
    logits: Tensor
    """[B, T + 1, n_codes + 1]; position t predicts code t, the last one the end."""
    targets: Tensor
    """[B, T + 1] int64; the end id from each row's length on."""
    mask: Tensor
    """[B, T + 1] bool; true on a row's codes and its first end mark."""


class T2SStep:
    """The decoder and its loss.

    Args:
        model: on the batch's device, in the mode (train or eval) the caller wants.
        text_mask: `TextMask.RIGHT`; `REFERENCE_LEFT` repeats a fault of GPT-SoVITS for comparison with it.
    """

    def __init__(self, model: TextToSemantic, text_mask: TextMask = TextMask.RIGHT) -> None:
        self.model = model
        self.text_mask = text_mask

    def predict(self, batch: T2SBatch) -> T2SPrediction:
        """Teacher-forced logits for every position."""
        end_id = self.model.config.end_id
        mask = sequence_mask(batch.code_lengths, batch.codes.shape[1])
        codes = batch.codes.masked_fill(~mask, end_id)
        hidden = self.model(
            batch.phone_ids,
            batch.phone_lengths,
            batch.bert,
            codes,
            batch.code_lengths,
            self.text_mask,
        )
        return T2SPrediction(
            logits=self.model.ar_predict_layer(hidden),
            targets=functional.pad(codes, (0, 1), value=end_id),
            mask=functional.pad(mask, (1, 0), value=True),
        )

    def losses(self, batch: T2SBatch, rejected: T2SBatch | None = None) -> dict[str, Tensor]:
        """{"cross_entropy": scalar}, the mean over the codes and one end mark per row, in nats per code.

        With `rejected`, the same clips with codes that must become less likely, also {"preference": scalar}.
        """
        prediction = self.predict(batch)
        losses = {"cross_entropy": mean_cross_entropy(prediction)}
        if rejected is not None:
            losses["preference"] = preference_loss(
                log_probabilities(prediction), log_probabilities(self.predict(rejected))
            )
        return losses

    @torch.no_grad()
    def validation_losses(self, batch: T2SBatch) -> dict[str, Tensor]:
        """{"cross_entropy", "top3_accuracy"} without dropout."""
        was_training = self.model.training
        self.model.eval()
        prediction = self.predict(batch)
        self.model.train(was_training)
        return {
            "cross_entropy": mean_cross_entropy(prediction),
            "top3_accuracy": top_k_accuracy(prediction, k=3),
        }


def mean_cross_entropy(prediction: T2SPrediction) -> Tensor:
    """Scalar: mean over the valid positions, so that it does not depend on padding or length."""
    losses = cross_entropies(prediction)
    return (losses * prediction.mask).sum() / prediction.mask.sum()


def cross_entropies(prediction: T2SPrediction) -> Tensor:
    """[B, T + 1] in fp32."""
    targets = prediction.targets
    logits = prediction.logits.float().flatten(0, 1)
    return functional.cross_entropy(logits, targets.flatten(), reduction="none").view_as(targets)


def log_probabilities(prediction: T2SPrediction) -> Tensor:
    """[B] in nats: of each row's valid positions together."""
    return -(cross_entropies(prediction) * prediction.mask).sum(dim=1)


def top_k_accuracy(prediction: T2SPrediction, k: int) -> Tensor:
    """Scalar in 0..1: share of valid positions whose target is among the `k` best."""
    best = prediction.logits.topk(k, dim=-1).indices
    hit = (best == prediction.targets[..., None]).any(dim=-1) & prediction.mask
    return hit.sum() / prediction.mask.sum()
