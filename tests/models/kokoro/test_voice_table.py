"""Voices from embeddings: smooth, centred where they should be, different for different speakers."""

import torch
from torch import Tensor
from torch.nn import functional

from models.kokoro.config import KokoroConfig
from models.kokoro.official_voices import OfficialVoices
from models.kokoro.upstream import voice_rows_of
from models.kokoro.voice_table import VoiceTable, VoiceTableConfig

CONFIG = VoiceTableConfig(embedding=32, width=64, latent=48)


def table(seed: int = 0) -> VoiceTable:
    torch.manual_seed(seed)
    return VoiceTable(CONFIG)


def embeddings(count: int, seed: int = 1) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return functional.normalize(torch.randn(count, CONFIG.embedding, generator=rng), dim=1)


def trained(network: VoiceTable) -> VoiceTable:
    """Coefficients as large as training could make them."""
    torch.nn.init.normal_(network.coefficients.weight, std=0.2)
    return network


@torch.no_grad()
def test_a_row_for_a_text_is_the_row_of_the_whole_voice() -> None:
    network, speakers = trained(table()), embeddings(3)
    lengths = torch.tensor([3, 40, 512])
    voices = network(speakers)
    assert voices.shape == (3, CONFIG.rows, CONFIG.width)
    rows = network.rows(speakers, lengths)
    for row in range(3):
        found = voice_rows_of(voices[row][:, None], lengths[row : row + 1])[0]
        torch.testing.assert_close(found, rows[row], rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_the_mean_of_a_voice_is_the_given_style_for_one_speaker_and_for_several() -> None:
    for count in (1, 5):
        network, speakers = table(), embeddings(count)
        styles = 3 * torch.randn(count, CONFIG.width, generator=torch.Generator().manual_seed(2))
        network.centre_on(speakers, styles)
        torch.testing.assert_close(network(speakers).mean(1), styles, rtol=0, atol=1e-3)


@torch.no_grad()
def test_speakers_whom_nothing_tells_apart_share_their_mean_style() -> None:
    network, speakers = table(), embeddings(1).repeat(2, 1)
    styles = torch.stack((torch.zeros(CONFIG.width), torch.ones(CONFIG.width)))
    network.centre_on(speakers, styles)
    torch.testing.assert_close(network(speakers).mean(1), styles.mean(0).repeat(2, 1), rtol=0, atol=1e-3)


@torch.no_grad()
def test_rows_vary_smoothly_whatever_has_been_learnt() -> None:
    voice = trained(table())(embeddings(1))[0]
    steps = voice.diff(dim=0).norm(dim=1)
    spread = (voice - voice.mean(0)).norm(dim=1).max()
    assert spread > 0.1, "the rows are all one"
    assert steps[0] < 0.5 * spread
    assert steps[100:].max() < 0.05 * spread


@torch.no_grad()
def test_a_change_of_the_embedding_changes_the_voice_as_much() -> None:
    """Clips of one speaker have embeddings near each other; other speakers' lie far away."""
    network, speakers = trained(table()), embeddings(2)
    again = functional.normalize(speakers[:1] + 0.02 * embeddings(1, seed=3), dim=1)
    voices = network(torch.cat((speakers, again)))
    same, other = (voices[2] - voices[0]).norm(), (voices[1] - voices[0]).norm()
    assert 0 < same < 0.2 * other


def test_gradients_reach_every_part_at_once() -> None:
    network = table()
    network.centre_on(embeddings(1), torch.ones(1, CONFIG.width))
    network.rows(embeddings(1), torch.tensor([20])).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


def test_a_voice_begins_as_a_given_one_with_its_dependence_on_the_length() -> None:
    """Official voices, which nobody made out of cosines."""
    official = OfficialVoices(None, KokoroConfig())
    given = torch.stack([official.table(name)[:, 0] for name in official.names])
    spoken_by = embeddings(len(given))
    made_of = VoiceTable(VoiceTableConfig(CONFIG.embedding))
    made_of.begin_as(spoken_by, given)
    with torch.no_grad():
        made = made_of(spoken_by)
        rows = made_of.rows(spoken_by[:2], torch.tensor([30, 400]))
    by_length = (given - given.mean(1, keepdim=True)).norm(dim=2).mean()
    assert (made - given).norm(dim=2).mean() < 0.1 * by_length
    torch.testing.assert_close(made.mean(1), given.mean(1), atol=1e-4, rtol=0)
    torch.testing.assert_close(rows, torch.stack([made[0, 27], made[1, 397]]))


@torch.no_grad()
def test_a_voice_turns_eight_half_times_over_the_table_and_no_faster() -> None:
    """Weights that were trained hold coefficients of eight cosines over a logarithmic place."""
    place = torch.log1p(torch.arange(510.0) / 20.0)
    place = place / place[-1]
    errors = []
    for half_turns in (1, 8, 9):
        wave = torch.cos(torch.pi * half_turns * place)[:, None].expand(510, CONFIG.width)
        network, speaker = table(), embeddings(1)
        voice = (wave - wave.mean(0))[None]
        network.begin_as(speaker, voice)
        errors.append(float((network(speaker) - voice).abs().max()))
    assert max(errors[:2]) < 1e-2 < 0.3 < errors[2]
