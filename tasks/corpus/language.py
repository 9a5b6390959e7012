"""The language of a corpus, decided once over all its texts.

One short text is little evidence; a corpus is much. What this stage finds is the same while the corpus
grows, so that a new recording does not make every transcript look changed.
"""

from __future__ import annotations

import json

from models.frontend.language import languages_of
from models.frontend.text.inline import without_phones
from tasks.stage import ConfigView, Inputs, Produced, Work

FILE = "language.json"


def corpus_language(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """One row per language (one, or several in a mixed corpus; none without texts), and a JSON list."""
    if cfg.corpus.language != "auto":
        rows = [_row("corpus", cfg.corpus.language, 1.0, 1.0)]
    else:
        utterances = inputs.table("segment", ["utterance_id", "text", "language"]).to_pylist()
        texts = [without_phones(row["text"]) for row in utterances if row["text"] and not row["language"]]
        found = languages_of(texts)
        scopes = ["corpus"] if len(found) == 1 else [f"corpus/{part.language}" for part in found]
        rows = [
            _row(scope, part.language, part.confidence, part.share)
            for scope, part in zip(scopes, found, strict=True)
        ]
    path = work.dir / FILE
    path.write_text(json.dumps([row["language"] for row in rows]) + "\n", encoding="utf-8")
    warnings = []
    if len(rows) > 1:
        shares = ", ".join(f"{row['language']} {row['share']:.0%}" for row in rows)
        warnings.append(
            f"The texts are in several languages ({shares}): each keeps its own. If that is wrong, "
            "set corpus.language."
        )
    return Produced(rows=rows, files={FILE: path}, warnings=warnings)


def _row(scope: str, language: str, confidence: float, share: float) -> dict[str, object]:
    # Coarse on purpose: one more recording must not change this row.
    return {
        "scope": scope,
        "language": language,
        "confidence": round(confidence, 1),
        "share": round(share, 1),
    }
