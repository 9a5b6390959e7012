"""Phone labels of other symbol tables in the ARPAbet of pocketsphinx's English model."""

from __future__ import annotations

from collections.abc import Sequence

# The 39 phones of the CMU dictionary: what the en-us acoustic model was trained on.
PHONES = frozenset(
    (
        "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH",
        "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V",
        "W", "Y", "Z", "ZH",
    )
)  # fmt: skip

# Radio ARPAbet and TIMIT variants, folded as is usual for TIMIT (Lee & Hon 1989).
_FOLDED = {
    "AX": ["AH"],
    "AXR": ["ER"],
    "IX": ["IH"],
    "UX": ["UW"],
    "EL": ["AH", "L"],
    "EM": ["AH", "M"],
    "EN": ["AH", "N"],
    "ENG": ["IH", "NG"],
    "DX": ["T"],
    "NX": ["N"],
    "HV": ["HH"],
    "H": ["HH"],
    "WH": ["W"],
    "Q": ["T"],
}

# espeak's English IPA, stress and length marks removed.
_IPA = {
    "aɪə": ["AY", "AH"],
    "aɪɚ": ["AY", "ER"],
    "aʊɚ": ["AW", "ER"],
    "ɑːɹ": ["AA", "R"],
    "ɔːɹ": ["AO", "R"],
    "oːɹ": ["AO", "R"],
    "ɛɹ": ["EH", "R"],
    "ɪɹ": ["IH", "R"],
    "ʊɹ": ["UH", "R"],
    "eə": ["EH", "R"],
    "iə": ["IY", "AH"],
    "ɪə": ["IH", "R"],
    "ʊə": ["UH", "R"],
    "əl": ["AH", "L"],
    "aɪ": ["AY"],
    "aʊ": ["AW"],
    "eɪ": ["EY"],
    "oʊ": ["OW"],
    "əʊ": ["OW"],
    "ɔɪ": ["OY"],
    "dʒ": ["JH"],
    "tʃ": ["CH"],
    "ʤ": ["JH"],
    "ʧ": ["CH"],
    "n̩": ["AH", "N"],
    "l̩": ["AH", "L"],
    "ɑ": ["AA"],
    "ɒ": ["AA"],
    "a": ["AE"],
    "æ": ["AE"],
    "ʌ": ["AH"],
    "ə": ["AH"],
    "ɐ": ["AH"],
    "ᵻ": ["IH"],
    "ɔ": ["AO"],
    "o": ["OW"],
    "ɛ": ["EH"],
    "e": ["EH"],
    "ɜ": ["ER"],
    "ɚ": ["ER"],
    "ɝ": ["ER"],
    "ɪ": ["IH"],
    "i": ["IY"],
    "ʊ": ["UH"],
    "u": ["UW"],
    "b": ["B"],
    "d": ["D"],
    "ð": ["DH"],
    "f": ["F"],
    "ɡ": ["G"],
    "g": ["G"],
    "h": ["HH"],
    "k": ["K"],
    "l": ["L"],
    "ɫ": ["L"],
    "m": ["M"],
    "n": ["N"],
    "ŋ": ["NG"],
    "p": ["P"],
    "ɹ": ["R"],
    "r": ["R"],
    "s": ["S"],
    "ʃ": ["SH"],
    "t": ["T"],
    "ɾ": ["T"],
    "ʔ": ["T"],
    "θ": ["TH"],
    "v": ["V"],
    "w": ["W"],
    "j": ["Y"],
    "z": ["Z"],
    "ʒ": ["ZH"],
    "x": ["K"],
    "A": ["EY"],
    "I": ["AY"],
    "O": ["OW"],
    "W": ["AW"],
    "Y": ["OY"],
    "ᵊ": ["AH"],
}
_MARKS = str.maketrans("", "", "ˈˌːˑ.ʰ̩̃‿͡ʲ")


def to_arpabet(label: str) -> list[str] | None:
    """ARPAbet phones for one label: "AH0" -> AH, "ax" -> AH, "ˈɑːɹ" -> AA R; None where none fits."""
    stripped = label.upper().rstrip("0123456789")
    if stripped in PHONES:
        return [stripped]
    if stripped in _FOLDED:
        return list(_FOLDED[stripped])
    if label in _IPA:
        return list(_IPA[label])
    bare = label.translate(_MARKS)
    if bare in _IPA:
        return list(_IPA[bare])
    return _split(bare)


def _split(label: str) -> list[str] | None:
    """Longest-match reading of a compound label such as "aɪɹ"."""
    phones: list[str] = []
    position = 0
    while position < len(label):
        for length in (3, 2, 1):
            part = label[position : position + length]
            if part in _IPA:
                phones.extend(_IPA[part])
                position += len(part)
                break
        else:
            return None
    return phones or None


def map_phones(labels: Sequence[str]) -> tuple[list[list[str]], list[str]]:
    """ARPAbet of every label, and the labels that have none."""
    mapped = [to_arpabet(label) for label in labels]
    unknown = [label for label, phones in zip(labels, mapped, strict=True) if phones is None]
    return [phones or [] for phones in mapped], unknown
