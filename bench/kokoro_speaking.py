"""How fast Kokoro speaks, beside the official package, at equal output.

    PYTHONPATH=. python bench/kokoro_speaking.py [--repeats 5] [--threads 1 2] [--out FILE]

Both read the same exported files: full size, random weights, so that durations are any, and a speed that
makes them the length asked for. Ours also decodes in bfloat16, which pays on CPUs with units for it. Before
anything is timed, ours speaks with the source that the package drew, and the two waveforms are compared. The
repeats take turns; times are medians, in CPU seconds of the process, which others on the machine disturb
least, and in wall seconds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.measuring.clock import medians, taking_turns
from models.frontend.text.character_tokens import character_table
from models.kokoro.config import KokoroConfig
from models.kokoro.model import Kokoro
from models.kokoro.upstream import load_kokoro, save_config, save_kokoro
from models.layers.conv import fold_weight_norm
from tests.models.kokoro.official import official_model

LENGTHS_S = (5.0, 12.0)
PHONEMES_PER_S = 12
TOLERANCE = 1e-3
"""Largest difference of the waveforms, as a share of their standard deviation."""


def main() -> None:
    """Measure every length and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="timed repeats of each, after one that is not")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--out", type=Path, help="write the JSON here too")
    given = parser.parse_args()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        weights, config = Path(folder) / "voice.pth", Path(folder) / "config.json"
        save_kokoro(weights, Kokoro(KokoroConfig()))
        save_config(config, KokoroConfig())
        official = official_model(weights, config)
        ours = load_kokoro(weights, config).requires_grad_(False)
    fold_weight_norm(ours)
    rows = []
    for threads in given.threads:
        torch.set_num_threads(threads)
        rows += [
            {"threads": threads, **measured(ours, official, seconds, given.repeats)} for seconds in LENGTHS_S
        ]
    found = {"repeats": given.repeats, "torch": torch.__version__, "rows": rows}
    text = json.dumps(found, indent=1)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n")


@torch.no_grad()
def measured(ours: Kokoro, official: Any, seconds: float, repeats: int) -> dict[str, Any]:
    """Times of both for a text of about so many seconds.

    Raises:
        ValueError: the two do not say the same.
    """
    table = character_table("kokoro")
    letters = [character for character in table.ids if character.isalpha()]
    phonemes = "".join(letters[i % len(letters)] for i in range(round(seconds * PHONEMES_PER_S)))
    tokens = torch.tensor([[0, *(table.ids[character] for character in phonemes), 0]])
    lengths = torch.tensor([tokens.shape[1]])
    row = 0.2 * torch.randn(1, ours.config.voice_width)
    frames = ours.forward_train(tokens, lengths, row, segment=None).durations.sum()
    speed = float(frames) * ours.config.frame_samples / 24_000 / seconds
    heard: list[Tensor] = []

    def listen(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        heard.append(arguments[0])

    hook = official.decoder.generator.noise_convs[0].register_forward_pre_hook(listen)
    expected = official(phonemes, row, speed)
    hook.remove()
    (said,) = ours.synthesize(tokens, lengths, row, speed=speed, har=[heard[0]])
    difference = float((said - expected).abs().max() / expected.std())
    if len(said) != len(expected) or difference > TOLERANCE:
        raise ValueError(f"the waveforms differ by {difference:.2g} of their standard deviation")
    works: dict[str, Callable[[], Any]] = {
        "ours": lambda: ours.synthesize(tokens, lengths, row, speed=speed),
        "ours_bf16": lambda: ours.synthesize(tokens, lengths, row, speed=speed, decoder_dtype=torch.bfloat16),
        "official": lambda: official(phonemes, row, speed),
    }
    for work in works.values():
        work()
    times = taking_turns(works, repeats)
    spoken_s = len(said) / 24_000
    median = medians({name: seconds.cpu for name, seconds in times.items()})
    return {
        "spoken_s": spoken_s,
        "largest_difference": difference,
        "cpu_s": median,
        "wall_s": medians({name: seconds.wall for name, seconds in times.items()}),
        "real_time_factor_cpu": {name: value / spoken_s for name, value in median.items()},
        "faster_than_official": median["official"] / median["ours"],
        "bf16_faster_than_fp32": median["ours"] / median["ours_bf16"],
    }


if __name__ == "__main__":
    main()
