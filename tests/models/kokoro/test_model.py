"""Training passes of Kokoro: the same as speaking, the same in any batch, and gradients where they belong."""

import pytest
import torch
from torch import Tensor

from configs.errors import UserError
from models.acoustics.durations import hard_alignment
from models.kokoro.freezing import UNTRAINED, enter, held_parts, parameter_groups
from models.kokoro.model import Kokoro, Segment, TrainingOutput
from models.losses.durations import duration_losses
from tests.models.kokoro import small


def taught(texts: small.Texts) -> dict[str, Tensor]:
    """Durations, pitch and energy of a teacher."""
    rng = torch.Generator().manual_seed(5)
    durations = torch.randint(1, 5, texts.tokens.shape, generator=rng)
    durations *= torch.arange(texts.tokens.shape[1]) < texts.lengths[:, None]
    frames = 2 * int(durations.sum(1).max())
    return {
        "teacher_dur": durations,
        "teacher_f0": 100 + 50 * torch.rand(len(durations), frames, generator=rng),
        "teacher_noise": torch.randn(len(durations), frames, generator=rng),
    }


@torch.no_grad()
def sources(model: Kokoro, texts: small.Texts, teacher: dict[str, Tensor]) -> list[Tensor]:
    """Source features of each row: a difference of 1e-7 Hz would make the signal's own another one."""
    spoken = model.forward_train(*texts, **teacher)
    f0_hz = teacher.get("teacher_f0", spoken.curves.f0_hz)
    rngs = small.generators(len(f0_hz))
    return [
        model.decoder.har(f0_hz[row : row + 1, : 2 * n], rngs[row]) for row, n in enumerate(spoken.n_frames)
    ]


def test_one_row_in_evaluation_is_speaking() -> None:
    model, texts = small.model(), small.texts((11,))
    har = sources(model, texts, {})
    spoken = model.forward_train(*texts, har=har)
    wave = model.synthesize(*texts, har=har)[0]
    torch.testing.assert_close(spoken.audio[0, 0], wave, rtol=0, atol=1e-4)
    assert len(wave) == spoken.n_frames[0] * model.config.frame_samples


@pytest.mark.parametrize("with_teacher", (False, True))
@torch.no_grad()
def test_a_row_does_not_depend_on_the_batch(with_teacher: bool) -> None:
    model, texts = small.model(), small.texts()
    teacher = taught(texts) if with_teacher else {}
    har = sources(model, texts, teacher)
    together = model.forward_train(*texts, **teacher, har=har)
    assert len(set(together.n_frames)) == 3
    for row in range(3):
        length, n = int(texts.lengths[row]), together.n_frames[row]
        own = {name: value[row : row + 1] for name, value in teacher.items()}
        if own:
            own = {
                "teacher_dur": own["teacher_dur"][:, :length],
                "teacher_f0": own["teacher_f0"][:, : 2 * n],
                "teacher_noise": own["teacher_noise"][:, : 2 * n],
            }
        alone = model.forward_train(
            texts.tokens[row : row + 1, :length],
            texts.lengths[row : row + 1],
            texts.rows[row : row + 1],
            **own,
            har=[har[row]],
        )
        assert alone.n_frames == (n,)
        samples = n * model.config.frame_samples
        for found, expected in (
            (together.audio[row, :, :samples], alone.audio[0]),
            (together.duration_logits[row, :length], alone.duration_logits[0]),
            (together.durations[row, :length], alone.durations[0]),
            (together.curves.f0_hz[row, : 2 * n], alone.curves.f0_hz[0]),
            (together.curves.energy[row, : 2 * n], alone.curves.energy[0]),
            (together.alignment[row, :length, :n], alone.alignment[0]),
            (together.token_frames[row, :length], alone.token_frames[0]),
        ):
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)
        assert not together.audio[row, :, samples:].any()
        assert not together.curves.f0_hz[row, 2 * n :].any()
        assert not together.token_frames[row, length:].any()


def test_a_teacher_takes_the_place_of_predictions() -> None:
    model, texts = small.model(), small.texts()
    teacher = taught(texts)
    spoken = model.forward_train(*texts, **teacher, rngs=small.generators(3))
    assert spoken.n_frames == tuple(teacher["teacher_dur"].sum(1).tolist())
    assert torch.equal(spoken.alignment.sum(2).long(), teacher["teacher_dur"])
    for name in ("teacher_f0", "teacher_noise"):
        other = teacher | {name: teacher[name] + 30}
        changed = model.forward_train(*texts, **other, rngs=small.generators(3))
        assert not torch.allclose(changed.audio, spoken.audio)
        assert torch.equal(changed.curves.f0_hz, spoken.curves.f0_hz)


@pytest.mark.slow
def test_segments_are_of_one_length_and_follow_from_their_generator() -> None:
    model, texts = small.model(), small.texts()
    teacher = taught(texts)

    def run(n_frames: int, seed: int) -> TrainingOutput:
        rng = torch.Generator().manual_seed(seed)
        return model.forward_train(*texts, **teacher, segment=Segment(n_frames, rng))

    shortest = min(run(1000, 0).n_frames)
    assert run(1000, 0).audio.shape == (3, 1, shortest * model.config.frame_samples)
    assert run(5, 0).audio.shape == (3, 1, 5 * model.config.frame_samples)
    assert torch.equal(run(5, 0).audio, run(5, 0).audio)
    assert run(5, 0).crops.starts != run(5, 1).crops.starts


def test_totals_of_durations_may_be_told_or_counted() -> None:
    model, texts = small.model(), small.texts()
    teacher = taught(texts)
    totals = teacher["teacher_dur"].sum(1).tolist()
    told = model.forward_train(*texts, **teacher, teacher_frames=totals, rngs=small.generators(3))
    counted = model.forward_train(*texts, **teacher, rngs=small.generators(3))
    assert told.n_frames == counted.n_frames
    assert torch.equal(told.audio, counted.audio)


def test_too_long_a_text_is_refused() -> None:
    model = small.model()
    with pytest.raises(UserError, match=f"longer than the {model.config.bert.positions}"):
        model.forward_train(*small.texts((model.config.bert.positions + 1,)))


def backward(model: Kokoro, voice: Tensor) -> None:
    """Gradients of everything that a step has losses of."""
    texts = small.texts()
    teacher = taught(texts)
    spoken = model.forward_train(
        texts.tokens, texts.lengths, voice, **teacher, segment=Segment(6, torch.Generator().manual_seed(0))
    )
    durations = duration_losses(spoken.duration_logits, teacher["teacher_dur"], texts.lengths)
    curves = (teacher["teacher_f0"] - spoken.curves.f0_hz).abs().mean() + spoken.curves.energy.abs().mean()
    (durations.l1 + durations.cross_entropy + curves + spoken.audio.square().mean()).backward()


@pytest.mark.parametrize("held", ((), held_parts(0), held_parts(1)))
def test_gradients_reach_what_learns_and_nothing_else(held: tuple[str, ...]) -> None:
    model = small.model()
    enter(model, held)
    voice = small.texts().rows.requires_grad_()
    backward(model, voice)
    for name, parameter in model.named_parameters():
        if name.startswith((*UNTRAINED, *held)):
            assert parameter.grad is None, name
        else:
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name
            # An untouched gradient of zeros is one that arrived from nowhere.
            assert parameter.grad.any() or _unread(name), name
    assert voice.grad is not None and (voice.grad.abs().sum(0) > 0).all()


def _unread(name: str) -> bool:
    """Parameters that cannot change the result: attention's softmax does not feel its keys' bias."""
    return name.endswith("attention.key.bias")


def test_held_parts_have_no_dropout_and_the_others_do() -> None:
    model = small.model()
    enter(model, held_parts(1))
    assert not model.bert.training and not model.text_encoder.cnn[0][3].training
    assert model.text_encoder.cnn[1][3].training and model.predictor.training


def test_groups_hold_every_parameter_that_learns_once() -> None:
    model = small.model()
    enter(model)
    grouped = [id(p) for group in parameter_groups(model).values() for p in group]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters() if p.requires_grad)


def test_gradients_of_durations_and_alignment_are_right() -> None:
    """In float64: from text features and style, by durations and by the curves on their alignment."""
    model = small.model().double()
    predictor, lengths = model.predictor, torch.tensor([5, 3])
    rng = torch.Generator().manual_seed(2)
    d_en = torch.randn(2, model.config.hidden, 5, generator=rng, dtype=torch.float64)
    d_en[1, :, 3:] = 0
    style = torch.randn(2, model.config.style_dim, generator=rng, dtype=torch.float64)
    frames = torch.tensor([[1, 2, 1, 1, 2], [2, 1, 1, 0, 0]])
    alignment = hard_alignment(frames, 7).double()

    def path(d_en: Tensor, style: Tensor) -> tuple[Tensor, ...]:
        d = predictor.encode(d_en, style, lengths)
        durations = predictor.duration_logits(d, lengths).sigmoid().sum(2)
        curves = predictor.pitch_and_energy(d.transpose(1, 2) @ alignment, style, frames.sum(1))
        return durations, curves.f0_hz, curves.energy

    assert torch.autograd.gradcheck(
        path, (d_en.requires_grad_(), style.requires_grad_()), fast_mode=True, atol=1e-4
    )
