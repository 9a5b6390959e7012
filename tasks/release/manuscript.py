"""A text as people write it for speaking: plain with pauses in it, or SSML."""

from __future__ import annotations

import re

from tasks.release.marked_text import Mark, plain_marks

_SSML = re.compile(r"\s*<(?:speak\b|\?xml\b|!DOCTYPE\b|!--)")


def marks_of(text: str, language: str, is_ssml: bool | None = None) -> list[Mark]:
    """What a text says and asks for.

    Args:
        text: Plain with `[pause 500ms]`, or SSML.
        language: Code of its main language, in which SSML's numbers and dates are read.
        is_ssml: Whether it is SSML; None is where it begins with <speak>.

    Raises:
        UserError: a mark or an element is not understood.
    """
    begins_so = _SSML.match(text) is not None
    if not (begins_so if is_ssml is None else is_ssml):
        return plain_marks(text)
    from tasks.release.ssml import ssml_marks

    return ssml_marks(text, language, is_whole=begins_so)
