"""Which version of a training becomes the voice."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from configs.train import TrainSettings
from configs.train_t2s import T2sTrainSettings
from tasks.finetune.checkpoint import Checkpoints
from tasks.finetune.choice import choice_in_words, chosen_point, chosen_step
from tasks.finetune.loop import State, Trained, train
from tests.tasks.finetune import toy

WATCHED = ("stft", "unlike", "words")
CURVE = [
    {"step": 0, "stft": 0.9, "unlike": 0.5, "score": 1.4},
    {"step": 8, "stft": 0.6, "unlike": 0.2, "words": 0.1, "score": 0.9},
    {"step": 16, "stft": 0.5, "unlike": 0.4, "words": 0.3, "score": 1.2},
]
BEST, LAST = TrainSettings(), TrainSettings(choose="last")


def ended(best_step: int | None = 8, best: float | None = 0.9) -> State:
    return State(step=16, best=best, best_step=best_step, validation_curve=CURVE)


def test_the_version_that_validated_best_is_the_result() -> None:
    assert (chosen_step(ended(), BEST), chosen_step(ended(), LAST)) == (8, 16)
    assert chosen_point(ended(), BEST) is CURVE[1]
    assert chosen_point(ended(), LAST) is CURVE[2]


def test_without_a_validation_the_last_weights_are_the_result() -> None:
    state = State(step=16)
    assert chosen_step(state, BEST) == 16
    assert chosen_point(state, BEST) == {}
    assert choice_in_words(state, BEST, WATCHED) == ""


def test_the_choice_is_told_with_its_figures() -> None:
    assert choice_in_words(ended(), BEST, WATCHED) == (
        "the version of step 8 of 16 is the result: score 0.9 (stft 0.6 + unlike 0.2 + words 0.1, less is "
        "better), the last one's was 1.2"
    )
    assert choice_in_words(ended(), LAST, WATCHED) == ""
    assert choice_in_words(ended(16, 1.2), BEST, WATCHED).endswith("its last validation is its best")
    assert choice_in_words(ended(0, 1.4), BEST, WATCHED).endswith("than what training began with")


class Judged(toy.ToyRecipe):
    """Its spectral distance falls all the time; what is heard of it is best after 16 of 40 steps."""

    at = 0

    def set_learning_rates(self, step: int, epoch: int) -> None:
        super().set_learning_rates(step, epoch)
        self.at = step + 1

    def validate(self, batch: toy.Batch) -> dict[str, torch.Tensor]:
        heard = {"unlike": torch.tensor(abs(self.at - 16) / 10)}
        return {"stft": torch.tensor(1.0 - self.at / 100)} | heard


def run(folder: Path, watched: tuple[str, ...], steps: int = 40, choose: str = "best") -> Trained:
    settings = toy.settings(max_steps=steps, watched=watched, ema_decay=0.0, choose=choose)
    return train(Judged(), toy.feed(0), toy.held_out(), settings, Checkpoints(folder))


@pytest.mark.slow
def test_what_is_heard_decides_beside_the_distance(tmp_path: Path) -> None:
    heard = run(tmp_path / "heard", WATCHED)
    assert heard.state.best_step == 16
    assert [point["score"] for point in heard.state.validation_curve] == pytest.approx(
        [1 - at / 100 + abs(at - 16) / 10 for at in (8, 16, 24, 32, 40)]
    )
    deaf = run(tmp_path / "deaf", ("stft",))
    assert deaf.state.best_step == 40
    last = run(tmp_path / "last", WATCHED, choose="last")
    for name, tensor in deaf.weights["generator"].items():
        assert torch.equal(tensor, last.weights["generator"][name])
    assert not all(
        torch.equal(tensor, last.weights["generator"][name])
        for name, tensor in heard.weights["generator"].items()
    )


def test_stopping_early_with_the_last_weights_is_refused() -> None:
    with pytest.raises(ValueError, match="early_stop_patience = 3 with choose = last"):
        T2sTrainSettings(early_stop_patience=3)
    assert T2sTrainSettings(early_stop_patience=3, choose="best").choose == "best"
