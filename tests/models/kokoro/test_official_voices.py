"""Official voices by their names, from files of both forms, and mixes as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from configs.errors import UserError
from models.kokoro.config import KokoroConfig
from models.kokoro.official_voices import OfficialVoices
from models.kokoro.upstream import save_voice
from models.kokoro.voice_names import SHIPPED, known_names, language_of, mix_of

CONFIG = KokoroConfig()
SHAPE = (CONFIG.voice_rows, 1, CONFIG.voice_width)


def test_the_shipped_voices_are_those_that_are_named() -> None:
    voices = OfficialVoices(None, CONFIG)
    assert voices.names == known_names(None) == tuple(sorted(SHIPPED))
    for name in SHIPPED:
        table = voices.table(name)
        assert table.shape == SHAPE
        assert table.dtype == torch.float32
        # A voice depends on the length of the text, and no two are alike.
        assert table.std(0).max() > 0.01
    assert len({float(voices.table(name).sum()) for name in SHIPPED}) == len(SHIPPED)


def test_both_forms_of_a_file_are_read_and_come_before_the_shipped(tmp_path: Path) -> None:
    own, other = torch.randn(SHAPE), torch.randn(SHAPE)
    save_voice(tmp_path / "af_heart.pt", own)
    (tmp_path / "xm_new.bin").write_bytes(other.numpy().astype("<f4").tobytes())
    voices = OfficialVoices(tmp_path, CONFIG)
    assert torch.equal(voices.table("af_heart"), own)
    assert torch.equal(voices.table("xm_new"), other)
    assert set(voices.names) == {*SHIPPED, "xm_new"}


def test_a_file_that_is_cut_short_is_named(tmp_path: Path) -> None:
    (tmp_path / "af_short.bin").write_bytes(b"\0" * 1000)
    with pytest.raises(UserError, match=r"af_short\.bin: has 1000 bytes where a voice has 522240"):
        OfficialVoices(tmp_path, CONFIG).table("af_short")


def test_a_voice_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(UserError, match=r"af_heart.*models fetch kokoro-voices"):
        OfficialVoices(None, CONFIG).table("af_nobody")


def test_a_mix_is_the_weighted_mean_of_its_tables() -> None:
    voices = OfficialVoices(None, CONFIG)
    mixed = voices.mixed(mix_of("af_heart:3+bm_george"))
    torch.testing.assert_close(mixed, 0.75 * voices.table("af_heart") + 0.25 * voices.table("bm_george"))


@pytest.mark.parametrize(
    ("written", "shares"),
    [
        ("af_heart", {"af_heart": 1.0}),
        ("af_heart+bf_emma", {"af_heart": 0.5, "bf_emma": 0.5}),
        ("af_heart:0.6+bf_emma:0.4", {"af_heart": 0.6, "bf_emma": 0.4}),
        ("af_heart:2 + bf_emma:6", {"af_heart": 0.25, "bf_emma": 0.75}),
    ],
)
def test_shares_add_up_to_one(written: str, shares: dict[str, float]) -> None:
    assert mix_of(written) == pytest.approx(shares)


@pytest.mark.parametrize(
    "written", ["", "+", "af_heart+", "af_heart:0", "af_heart:-1", "af_heart:x", "af_heart:inf", "a:1+a:2"]
)
def test_what_is_no_mix_is_refused(written: str) -> None:
    with pytest.raises(UserError, match="no mix of voices"):
        mix_of(written)


def test_a_mix_speaks_the_language_of_its_largest_share_first() -> None:
    assert language_of(mix_of("af_heart:0.3+ff_siwis:0.7")) == "fr-fr"
    assert language_of({"jf_alpha": 1.0}) == "en-us"
