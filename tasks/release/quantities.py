"""What the quantities of training curves are, for people: title, unit and one sentence each."""

from __future__ import annotations

from typing import NamedTuple


class Quantity(NamedTuple):
    """A quantity of a training curve; unit: of its axis, empty for losses, which have none."""

    title: str
    unit: str = ""
    about: str = ""


_MEL = "Distance of the log-mel spectrograms of what is made and what was recorded; falls."
_STFT = "Distance of their spectra at several resolutions; falls."
_KNOWN = {
    "mel": Quantity("Mel distance", "", _MEL),
    "mel_recorded": Quantity("Mel distance, recorded pitch", "", _MEL),
    "stft": Quantity("Spectral distance", "", _STFT),
    "stft_recorded": Quantity("Spectral distance, recorded pitch", "", _STFT),
    "kl": Quantity(
        "Prior distance (KL)", "", "How far what is read from the text is from what is heard; falls."
    ),
    "kl_ssl": Quantity("Code distance", "", "How far the content features are from their codes."),
    "cross_entropy": Quantity("Code loss", "", "Cross-entropy of the next semantic code; falls."),
    "top3_accuracy": Quantity(
        "Right among three", "share", "Share of codes that are among the three likeliest; rises."
    ),
    "preference": Quantity("Preference loss", "", "Right codes preferred to spoiled ones; falls."),
    "adversarial": Quantity(
        "Adversarial loss", "", "What the discriminators find fault with; moves around a level."
    ),
    "gen": Quantity("Adversarial loss", "", "What the discriminators find fault with; moves around a level."),
    "disc": Quantity("Discriminator loss", "", "How badly the discriminators tell made from recorded sound."),
    "discriminator": Quantity(
        "Discriminator loss", "", "How badly the discriminators tell made from recorded sound."
    ),
    "feature_matching": Quantity(
        "Feature distance", "", "Difference inside the discriminators; falls slowly."
    ),
    "slm": Quantity("Speech model distance", "", "Difference to the ears of a speech language model; falls."),
    "slm_gen": Quantity("Speech model's objection", "", "What the speech language model finds fault with."),
    "slm_disc": Quantity("Speech model's error", "", "How badly it tells made from recorded speech."),
    "f0": Quantity(
        "Pitch loss", "", "Difference of the predicted pitch curve, in the network's own scale; falls."
    ),
    "f0_voiced": Quantity("Pitch loss, voiced", "", "The same, where the recording is voiced; falls."),
    "norm": Quantity("Energy loss", "", "Difference of the predicted energy curve; falls."),
    "voicing": Quantity("Voicing loss", "", "Frames whose voicing is predicted wrong; falls."),
    "unvoiced": Quantity("Pitch where none is", "", "Pitch predicted in unvoiced frames; falls."),
    "dur": Quantity("Duration loss", "", "Difference of predicted phone durations; falls."),
    "length": Quantity("Duration loss", "", "Difference of predicted phone durations; falls."),
    "ce": Quantity("Duration loss, by frame", "", "Cross-entropy of where each phone ends; falls."),
    "diff": Quantity("Style diffusion loss", "", "Error of the network that draws styles from texts; falls."),
    "sty": Quantity("Style distance", "", "How far drawn styles are from heard ones; falls."),
    "s2s": Quantity("Alignment loss, by letters", "", "Error of the text aligner's reading; falls."),
    "mono": Quantity("Alignment loss, monotone", "", "How far the alignment is from a monotone one; falls."),
    "speaker": Quantity(
        "Speaker distance", "", "One less the similarity to the speaker's recordings; falls."
    ),
    "words": Quantity(
        "Words misheard", "per word", "By the recogniser that listens to the validation; falls."
    ),
    "score": Quantity(
        "Choosing score", "", "Speaker distance and a share of the mel distance: the lowest wins."
    ),
    "mix": Quantity(
        "Reach of the mix", "norm", "How far the mix of published voices is from where it began."
    ),
    "offset": Quantity(
        "Reach beyond the mix", "norm", "How far the voice has moved from any mix of published voices."
    ),
    "f0_correlation": Quantity(
        "Pitch that is followed",
        "correlation",
        "Correlation of the pitch heard with what was asked; rises to 1.",
    ),
    "f0_cents": Quantity("Pitch error", "cents", "Of the pitch heard, to what was asked; falls."),
    "f0_frames": Quantity(
        "Voiced frames", "frames", "On which pitch error and correlation rest; more is surer."
    ),
    "voicing_error": Quantity("Voicing error", "share", "Frames that are voiced in one alone; falls."),
    "frame_line_db": Quantity(
        "Lines at the frame rate", "dB", "How far a hum at the frame rate stands out; falls."
    ),
    "misheard": Quantity("Words misheard", "per word", "Of held-out texts, by a recogniser; falls."),
    "misheard_recorded": Quantity(
        "Words misheard of recordings", "per word", "What the recogniser mishears anyway."
    ),
    "grad_norm": Quantity("Gradient norm", "norm", "Before clipping."),
    "total": Quantity("Weighted sum", "", "Of all losses, as it is minimised."),
}


def quantity(name: str) -> Quantity:
    """Of a curve; `network/quantity` is how the loop names its totals and gradient norms."""
    network, _, own = name.rpartition("/")
    found = _KNOWN.get(own, Quantity(own.replace("_", " ").replace("f0", "F0")))
    return found._replace(title=f"{found.title}, {network}") if network else found
