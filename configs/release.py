"""Settings of what happens to a trained voice: samples, measures, the exported folder."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from configs.base import Section

DecoderWeights = Literal["fp32", "fp16", "int8"]
SpokenPrecision = Literal["auto", "fp32", "bf16"]


class SynthesizeSettings(Section):
    """How held-out sentences, and later any text, are rendered."""

    clips: int = Field(
        default=6,
        ge=1,
        description="held-out clips to render, at most; the gates compare no fewer than five",
    )
    top_k: int = Field(default=15, ge=1, description="the best codes that may be drawn")
    top_p: float = Field(default=1.0, gt=0, le=1, description="share of probability that may be drawn")
    temperature: float = Field(default=1.0, gt=0, description="of the draw; lower is steadier")
    repetition_penalty: float = Field(
        default=1.35, gt=0, description="makes codes that occurred less likely; 1 is off"
    )
    prompt_with_reference: bool = Field(
        default=True,
        description="let the decoder continue the reference clip, as published voices are used; false "
        "starts from the text alone, which suits decoders trained from scratch on few clips",
    )
    noise_scale: float = Field(default=0.5, ge=0, description="spread of the latent sample; 0 takes the mean")
    speed: float = Field(default=1.0, gt=0.25, lt=4, description="above 1 is faster")
    max_sentence_s: float = Field(
        default=20.0, gt=0, le=60, description="a sentence is cut off after this long, seconds"
    )
    batch_sentences: int = Field(
        default=8,
        ge=1,
        le=64,
        description="sentences whose codes are drawn together; changes speed and memory, not what is said",
    )
    decoder_weights: DecoderWeights = Field(
        default="fp32",
        description="precision in which the decoder's weights are read for speaking: `fp16` is what "
        "published files hold, `int8` is smaller still, changes codes sooner and runs on a CPU alone",
    )
    cuda_graphs: bool = Field(
        default=True,
        description="on a CUDA device, record a decoding step once and replay it, which spares the calls "
        "between its small products; what is said is the same",
    )
    precision: SpokenPrecision = Field(
        default="fp32",
        description="arithmetic of the vocoder; `auto` is bf16 on a CUDA device and on CPUs with units for "
        "it (AMX, AVX512_BF16), `bf16` is bf16 anywhere. fp32 until it has been heard with published weights",
    )
    pause_s: float = Field(default=0.3, ge=0, le=5, description="between sentences, seconds")


class EvaluateSettings(Section):
    """How rendered clips are measured against recordings."""

    f0_method: Literal["dio", "harvest"] = Field(
        default="dio", description="pitch tracker, for recording and rendering alike"
    )
    f0_min_hz: float = Field(default=60.0, gt=0, description="lowest pitch looked for, Hz")
    f0_max_hz: float = Field(default=600.0, gt=0, description="highest pitch looked for, Hz")
    n_mels: int = Field(default=80, ge=8, description="mel bands of the mel distances")
    sentences: int = Field(
        default=30,
        ge=0,
        le=30,
        description="sentences that are in no corpus to speak and to judge, in the languages that come with "
        "some: de, en, es, fr, it, ja, nl, pl, pt, zh",
    )
    recogniser: str | None = Field(
        default="whisper-base",
        min_length=1,
        description="who hears words: a folder, or a name from `models list`. Where it is not on this "
        "machine whisper-tiny.en or pocketsphinx hears English; null: nobody",
    )
    naturalness: str | None = Field(
        default="dnsmos",
        min_length=1,
        description="who predicts listeners' opinions: a folder, or `dnsmos`; left out where it is not here",
    )
    second_naturalness: str | None = Field(
        default="distillmos",
        min_length=1,
        description="another predictor of them: a folder, or `distillmos`; left out where it is not here",
    )
    encoder: str | None = Field(
        default="dvector",
        min_length=1,
        description="a second speaker encoder, which no training knows: a folder, or `dvector`; left out "
        "where it is not here",
    )
    recalled_clips: int = Field(
        default=8,
        ge=0,
        description="training clips that the text-to-semantic decoder is asked to give back, at most",
    )


class ExportSettings(Section):
    """What the voice folder says about itself."""

    attribution: str = Field(default="", description="who is to be credited, written into the voice card")
    machinery_below_steps: int = Field(
        default=5000,
        ge=0,
        description="with fewer SoVITS steps from scratch the card says that the voice proves the "
        "machinery, not quality",
    )
    onnx: bool = Field(
        default=False,
        description="also write the synthesis path as ONNX files, each compared with torch first; takes "
        "about a minute, and is of StyleTTS 2 and Kokoro voices alone",
    )


class StyleTTS2SpeakSettings(Section):
    """How a StyleTTS 2 voice speaks: whose style, how it is drawn, how long texts hang together."""

    clips: int = Field(
        default=6,
        ge=1,
        description="held-out clips to render, at most; the gates compare no fewer than five",
    )
    style: Literal["reference", "diffusion"] = Field(
        default="reference",
        description="`reference`: the recording's style, mixed with one drawn for the text as alpha and beta "
        "say; `diffusion`: the drawn one alone",
    )
    alpha: float = Field(
        default=0.3, ge=0, le=1, description="share of the drawn style in the acoustic half (timbre)"
    )
    beta: float = Field(
        default=0.7, ge=0, le=1, description="share of the drawn style in the prosodic half (rhythm, melody)"
    )
    diffusion_steps: int = Field(
        default=5, ge=2, le=200, description="noise levels of the diffusion; 3 to 10 are usual"
    )
    embedding_scale: float = Field(
        default=1.0, ge=0, description="guidance: above 1 the drawn style follows the text more strongly"
    )
    carry_over: float = Field(
        default=0.7,
        ge=0,
        lt=1,
        description="share in a drawn style of the style that the sentence before was said in, so that a "
        "long text keeps its tone",
    )
    speed: float = Field(default=1.0, gt=0.25, lt=4, description="above 1 is faster")
    batch_sentences: int = Field(
        default=8, ge=1, le=64, description="sentences that are read together; changes speed and memory"
    )
    pause_s: float = Field(default=0.25, ge=0, le=5, description="between sentences, seconds")


class KokoroSpeakSettings(Section):
    """How a Kokoro voice speaks: how fast, in which parts, with which pauses."""

    clips: int = Field(
        default=6,
        ge=1,
        description="held-out clips to render, at most; the gates compare no fewer than five",
    )
    speed: float = Field(default=1.0, gt=0.25, lt=4, description="above 1 is faster")
    batch_sentences: int = Field(
        default=8, ge=1, le=64, description="texts that are read together; changes speed and memory"
    )
    max_phonemes: int = Field(
        default=400,
        ge=20,
        le=510,
        description="a longer sentence is said in parts, cut after a mark or else between words; Kokoro "
        "reads at most 510, and hurries through what comes near that",
    )
    row_phonemes: int = Field(
        default=0,
        ge=0,
        le=510,
        description="sentences that follow one another are said at once up to so many phonemes, which short "
        "ones need to be understood; 0 says each by itself",
    )
    precision: SpokenPrecision = Field(
        default="auto",
        description="arithmetic of the decoder; auto is bf16 on CUDA devices and on CPUs with units for it "
        "(AMX, AVX512_BF16), where it is half again to twice as fast, else fp32. Words and their timing are "
        "the same, waveforms correlate by .999",
    )
    keep_edges: bool = Field(
        default=True,
        description="speak the silence before and after each part that training put around every clip, as "
        "the official package does; false cuts it off, and `pause_s` stands in its place",
    )
    pause_s: float = Field(
        default=0.0, ge=0, le=5, description="between sentences, beside the silence that they end in, seconds"
    )
