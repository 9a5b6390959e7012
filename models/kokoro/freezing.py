"""Which of Kokoro's parameters learn when, and in which groups.

A voice is made from published weights and few recordings, so what knows the language is held at first:
PL-BERT and the first layers of the text encoder. Held parts compute as they do in use, without dropout. The
decoder was made against discriminators, which are not published: without any it unlearns what makes it sound.
"""

from collections.abc import Mapping

from torch import nn

from models.kokoro.decoder_biases import bias_names
from models.kokoro.model import Kokoro

UNTRAINED = ("bert.pooler.", "decoder.generator.m_source.")
"""Parameters that nothing reads, and those that no gradient reaches: the source passes none."""


def held_parts(text_layers: int) -> tuple[str, ...]:
    """Prefixes of what is held at first: PL-BERT, and the embedding with so many convolutions over it."""
    if text_layers == 0:
        return ("bert.",)
    layers = (f"text_encoder.cnn.{i}." for i in range(text_layers))
    return ("bert.", "text_encoder.embedding.", *layers)


def decoder_weights(model: Kokoro) -> tuple[str, ...]:
    """Names of all that the decoder has but the biases of its styled norms."""
    biases = {*bias_names(model.decoder)}
    return tuple(f"decoder.{name}" for name, _ in model.decoder.named_parameters() if name not in biases)


def upsampling_shapes(model: Kokoro) -> tuple[str, ...]:
    """Prefixes of what makes the decoder's upsamplings more than interpolations."""
    return tuple(f"decoder.{name}" for name in model.decoder.filter_shapes())


def enter(model: Kokoro, held: tuple[str, ...] = ()) -> None:
    """Put the model into training, but for the parts whose names begin with one of `held`."""
    model.train()
    for name, module in model.named_modules():
        if f"{name}.".startswith(held or (" ",)):
            module.training = False
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith((*UNTRAINED, *held)))


def parameter_groups(model: Kokoro) -> Mapping[str, list[nn.Parameter]]:
    """Parameters that can ever learn, by the name of the child that they belong to."""
    return {
        child: [p for name, p in module.named_parameters() if not f"{child}.{name}".startswith(UNTRAINED)]
        for child, module in model.named_children()
    }
