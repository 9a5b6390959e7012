"""How far our phones are from those that StyleTTS 2 was trained on.

    python -m bench.phones LIST TEXTS [--sentences 500] [--seed 1]

LIST: `wav|phones|speaker` lines, `Data/train_list.txt` of yl4579/StyleTTS2. TEXTS: `wav|text` lines with
numbers spelled out, the LJSpeech lists of NVIDIA/tacotron2 (`filelists/ljs_audio_text_*.txt`). Neither is
shipped. The share of characters that differ counts what a sequence matcher must replace, add or leave out.
Writes bench/results/phones.json.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Collection
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from bench.measuring import results
from models.frontend.text.character_tokens import character_table, encode
from models.frontend.text.g2p import phonemize

MAX_KINDS = 20
OTHER_ESPEAK = ("o -> ɔ", "ŋ -> n", "ɪ -> ᵻ")
"""What the espeak that read the published lists says otherwise than espeak-ng 1.52: "oːɹ" for "ɔːɹ", "ŋ"
before "k" and "ɡ" of the next syllable, "ɪ" for the weak vowel of "-ed" and "re-"."""


def main() -> None:
    """Compare a random choice of the sentences and write the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("list", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--sentences", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    texts = {Path(name).stem: text for name, text in _lines(given.texts)}
    published = [(texts[Path(name).stem], phones) for name, phones, *_ in _lines(given.list)]
    chosen = random.Random(given.seed).sample(published, min(given.sentences, len(published)))
    results.write("phones", _compared([(spelled(text), phones) for text, phones in chosen]))


def spelled(text: str) -> str:
    """An American English text as StyleTTS 2 reads it."""
    table = character_table("styletts2", "en-us")
    characters = {number: character for character, number in table.ids.items()}
    said = phonemize(text, "en-us", "ipa")
    tokens = encode(said.words, said.phones, said.word2ph, table)
    return "".join(characters[number] for number in tokens.ids[1:-1])


def _lines(path: Path) -> list[list[str]]:
    return [line.split("|") for line in path.read_text(encoding="utf-8").splitlines() if "|" in line]


def _compared(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Share of characters and of sentences, with and without the spaces between words."""
    kinds: Counter[str] = Counter()
    for ours, theirs in pairs:
        for kind, start, end, other, until in SequenceMatcher(None, theirs, ours, False).get_opcodes():
            if kind != "equal":
                kinds[f"{theirs[start:end]} -> {ours[other:until]}"] += 1
    joined = [(ours.replace(" ", ""), theirs.replace(" ", "")) for ours, theirs in pairs]
    return {
        "sentences": len(pairs),
        "characters": sum(len(theirs) for _, theirs in pairs),
        "differing_share": _differing_share(pairs),
        "differing_share_but_for_another_espeak": _differing_share(pairs, OTHER_ESPEAK),
        "differing_share_without_spaces": _differing_share(joined),
        "equal_sentences_share": sum(ours == theirs for ours, theirs in pairs) / len(pairs),
        "equal_sentences_share_without_spaces": sum(ours == theirs for ours, theirs in joined) / len(joined),
        "kinds_theirs_to_ours": dict(kinds.most_common(MAX_KINDS)),
    }


def _differing_share(pairs: list[tuple[str, str]], leaving_out: Collection[str] = ()) -> float:
    differing = sum(
        max(end - start, until - other)
        for ours, theirs in pairs
        for kind, start, end, other, until in SequenceMatcher(None, theirs, ours, False).get_opcodes()
        if kind != "equal" and f"{theirs[start:end]} -> {ours[other:until]}" not in leaving_out
    )
    return differing / sum(len(theirs) for _, theirs in pairs)


if __name__ == "__main__":
    main()
