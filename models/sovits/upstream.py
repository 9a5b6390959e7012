"""Published SoVITS checkpoints (`.pth`, v1 to v2ProPlus) to our networks and back."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from configs.errors import UserError
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.published import (
    DISCRIMINATOR,
    GENERATOR,
    MARKED_VERSIONS,
    PublishedFile,
    build_strictly,
    kind_of,
    read_published,
    require_as_trained,
    require_kind,
    write_published,
)
from models.sovits.config import SovitsConfig, sovits_config
from models.sovits.model import SovitsGenerator

MARKS = {"v1": "PK", "v2": "PK", "v2Pro": "05", "v2ProPlus": "06"}
TRAINING_ONLY = "enc_q."
"""The posterior encoder, which files made for synthesis leave out."""
OWN_SIZES = "voicewright"
"""Settings entry of files we write: every size, also those that GPT-SoVITS has no name for."""
LARGEST_SIZE = 200_000
LARGEST_DEPTH = 64
"""Limits of what a file may claim: networks above them could not even be laid out."""
_FIXED_UPSTREAM = (
    "n_symbols",
    "content_channels",
    "style_bins",
    "hidden_channels",
    "mrte_channels",
    "mrte_heads",
    "style_hidden",
    "style_heads",
    "style_channels",
    "speaker_vector_channels",
    "flow_layers",
    "n_flows",
    "codebook_size",
)
"""Sizes that GPT-SoVITS's inference takes from its code, whatever the settings in a file say."""


class LoadedGenerator(NamedTuple):
    generator: SovitsGenerator
    missing: tuple[str, ...]
    """State-dict names that the file lacks (the posterior encoder's): freshly initialised."""
    info: str


def load_generator(path: Path) -> LoadedGenerator:
    """The generator in a published file, of the version that its weights tell and the sizes it states.

    Raises:
        UserError: the file cannot be read, is of v3 or v4, holds another network, claims another version
            than its weights are of, or its sizes do not fit its weights.
    """
    published = read_published(path)
    require_kind(published, GENERATOR, path)
    version = version_of(published.weights, path)
    _check_claims(published, version, path)
    config = _config_of(published, version, path)
    generator, missing = build_strictly(
        lambda: SovitsGenerator(config), published.weights, str(path), may_lack=(TRAINING_ONLY,)
    )
    return LoadedGenerator(generator, missing, published.info)


def load_discriminator(path: Path, config: SovitsConfig) -> MultiPeriodDiscriminator:
    """The discriminators in a published `s2D` file.

    Raises:
        UserError: the file cannot be read or does not fit `config`.
    """
    published = read_published(path)
    require_kind(published, DISCRIMINATOR, path)
    discriminator, _ = build_strictly(
        lambda: MultiPeriodDiscriminator(config.discriminator_periods, config.discriminator_divisor),
        published.weights,
        str(path),
    )
    return discriminator


def save_generator(path: Path, generator: SovitsGenerator, info: str) -> None:
    """Write a file for GPT-SoVITS's own inference: fp16, without the posterior encoder.

    Raises:
        UserError: a weight is not finite, or too large for fp16.
        ValueError: the network is laid out for speaking, and nothing could read its weights.
    """
    require_as_trained(generator, lambda: SovitsGenerator(generator.config))
    weights = {
        name: tensor for name, tensor in generator.state_dict().items() if not name.startswith(TRAINING_ONLY)
    }
    config = generator.config
    mark = MARKS[config.version]
    write_published(path, PublishedFile(mark, weights, upstream_config(config), info))


def version_of(weights: dict[str, Tensor], path: Path) -> str:
    """The version that a generator's weights are of.

    Raises:
        UserError: not a SoVITS generator of v1 to v2ProPlus.
    """
    text, vocoder = weights.get("enc_p.text_embedding.weight"), weights.get("dec.conv_pre.weight")
    if text is None or vocoder is None or not text.shape or not vocoder.shape:
        raise UserError(
            f"{path}: is no SoVITS generator of v1 to v2ProPlus but {kind_of(weights)}; "
            "give an s2G file of one of those versions"
        )
    if "sv_emb.weight" in weights:
        plus = sovits_config("v2ProPlus").upsample_initial
        return "v2ProPlus" if vocoder.shape[0] == plus else "v2Pro"
    return "v1" if text.shape[0] == sovits_config("v1").n_symbols else "v2"


def upstream_problem(config: SovitsConfig) -> str | None:
    """Why GPT-SoVITS's own inference could not load a network of these sizes; None when it can."""
    theirs = sovits_config(config.version)
    for name in _FIXED_UPSTREAM:
        if getattr(config, name) != getattr(theirs, name):
            return f"sovits {name} is {getattr(config, name)} where GPT-SoVITS has {getattr(theirs, name)}"
    if config.content_layers != config.text_layers // 2:
        return f"sovits content_layers is {config.content_layers}, not half of {config.text_layers}"
    return None


def upstream_config(config: SovitsConfig) -> dict[str, Any]:
    """The settings under the names of GPT-SoVITS's `s2.json`, as its loader wants them."""
    return {
        "train": {"segment_size": config.segment_samples},
        "data": {
            "max_wav_value": 32768.0,
            "sampling_rate": config.sample_rate,
            "filter_length": config.n_fft,
            "hop_length": config.hop_samples,
            "win_length": config.n_fft,
            "n_mel_channels": config.n_mels,
            "mel_fmin": config.mel_min_hz,
            "mel_fmax": config.mel_max_hz,
            "add_blank": True,
            "n_speakers": 300,
            "cleaned_text": True,
        },
        "model": {
            "version": config.version,
            "inter_channels": config.latent_channels,
            "hidden_channels": config.hidden_channels,
            "filter_channels": config.filter_channels,
            "n_heads": config.n_heads,
            "n_layers": config.text_layers,
            "kernel_size": config.kernel_size,
            "p_dropout": config.dropout,
            "resblock": "1",
            "resblock_kernel_sizes": list(config.resblock_kernels),
            "resblock_dilation_sizes": [list(config.resblock_dilations)] * len(config.resblock_kernels),
            "upsample_rates": list(config.upsample_rates),
            "upsample_initial_channel": config.upsample_initial,
            "upsample_kernel_sizes": list(config.upsample_kernels),
            "n_layers_q": 3,
            "use_spectral_norm": False,
            "gin_channels": config.style_channels,
            "semantic_frame_rate": "25hz",
            "freeze_quantizer": config.freeze_quantizer,
        },
        "content_module": "cnhubert",
        OWN_SIZES: {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()
        },
    }


def _check_claims(published: PublishedFile, version: str, path: Path) -> None:
    """The mark, the settings and the number of symbols must agree with the weights' version."""
    own = f"its weights are {version}'s"
    marked = MARKED_VERSIONS.get(published.mark, version)
    if marked != version:
        raise UserError(
            f"{path}: its first two bytes say {marked} but {own}; the file was renamed or altered, "
            "export it again"
        )
    model = published.config.get("model", {})
    stated = model.get("version", version) if isinstance(model, dict) else version
    if stated != version:
        raise UserError(
            f"{path}: its settings say version {stated!r} but {own}; "
            "get the file again from where it was made"
        )
    n_symbols = published.weights["enc_p.text_embedding.weight"].shape[0]
    expected = sovits_config(version).n_symbols
    if n_symbols != expected and OWN_SIZES not in published.config:
        raise UserError(
            f"{path}: knows {n_symbols} phone symbols, where GPT-SoVITS v1 has "
            f"{sovits_config('v1').n_symbols} and later versions {sovits_config('v2').n_symbols}; "
            "give a file with one of those tables"
        )


def _config_of(published: PublishedFile, version: str, path: Path) -> SovitsConfig:
    """The sizes that the file states; those of its version where it states none."""
    own = published.config.get(OWN_SIZES)
    stated = own if isinstance(own, dict) else _upstream_sizes(published.config, path)
    if stated.get("version", version) != version:
        raise UserError(
            f"{path}: its sizes are {stated['version']}'s, its weights {version}'s; export it again"
        )
    sizes = {name: _checked_size(name, value, path) for name, value in stated.items() if name != "version"}
    try:
        return sovits_config(version, **sizes)
    except UserError as error:
        raise UserError(f"{path}: {error}; get the file again from where it was made") from error


def _upstream_sizes(config: dict[str, Any], path: Path) -> dict[str, Any]:
    """Our names and the values that GPT-SoVITS's settings give them."""
    sections = {name: config.get(name) or {} for name in ("model", "data", "train")}
    wrong = [name for name, section in sections.items() if not isinstance(section, dict)]
    if wrong:
        raise UserError(f"{path}: its settings hold no table {wrong[0]!r}; download it again")
    names = {
        "model": {
            "inter_channels": "latent_channels",
            "hidden_channels": "hidden_channels",
            "filter_channels": "filter_channels",
            "n_heads": "n_heads",
            "n_layers": "text_layers",
            "kernel_size": "kernel_size",
            "p_dropout": "dropout",
            "resblock_kernel_sizes": "resblock_kernels",
            "upsample_rates": "upsample_rates",
            "upsample_initial_channel": "upsample_initial",
            "upsample_kernel_sizes": "upsample_kernels",
            "gin_channels": "style_channels",
        },
        "data": {
            "sampling_rate": "sample_rate",
            "filter_length": "n_fft",
            "hop_length": "hop_samples",
            "n_mel_channels": "n_mels",
            "mel_fmin": "mel_min_hz",
            "mel_fmax": "mel_max_hz",
        },
    }
    sizes = {
        ours: sections[section][theirs]
        for section, table in names.items()
        for theirs, ours in table.items()
        if theirs in sections[section]
    }
    depth = sizes.get("text_layers")
    if isinstance(depth, int):
        sizes["content_layers"] = depth // 2
    dilations = sections["model"].get("resblock_dilation_sizes")
    if isinstance(dilations, list) and dilations:
        sizes["resblock_dilations"] = dilations[0]
    segment, hop = sections["train"].get("segment_size"), sizes.get("hop_samples")
    if isinstance(segment, int) and isinstance(hop, int) and hop > 0:
        sizes["segment_frames"] = segment // hop
    return sizes


def _checked_size(name: str, value: Any, path: Path) -> Any:
    """A size of the kind that the field has, within what a network can have."""
    defaults = {field.name: field.default for field in fields(SovitsConfig)}
    default = defaults.get(name)
    limit = LARGEST_DEPTH if name.endswith("_layers") or name == "n_flows" else LARGEST_SIZE
    least = 0 if default == 0 else 1

    def whole(number: Any) -> bool:
        return isinstance(number, int) and not isinstance(number, bool) and least <= number <= limit

    if isinstance(default, tuple):
        fits = isinstance(value, list) and 0 < len(value) <= LARGEST_DEPTH and all(map(whole, value))
        value = tuple(value) if fits else value
    elif isinstance(default, bool):
        fits = isinstance(value, bool)
    elif isinstance(default, int):
        fits = whole(value)
    else:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = name in defaults and ((number and 0 <= value <= LARGEST_SIZE) or (value is default is None))
    if not fits:
        raise UserError(
            f"{path}: its settings say {name} = {str(value)[:60]!r}, which no network has; "
            "get the file again from where it was made"
        )
    return value
