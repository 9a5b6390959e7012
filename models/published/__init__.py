"""Reading and writing published checkpoint files, without running what they contain.

Most are made by `torch.save`: a zip file (`archive`) or, before PyTorch 1.6, a stream (`stream`), either with
a pickle that is interpreted here (`pickled`) and not by Python; some are safetensors (`tables`). GPT-SoVITS
has four layouts (`reading`), and its voice files may begin with a version mark in place of the `PK` of a zip
file; what other families keep in theirs is told where they are read. `limits` says what a file may ask for.
"""

from models.published.fitting import (
    build_strictly,
    load_strictly,
    require_as_trained,
    require_fit,
    require_sizes,
)
from models.published.limits import require_finite
from models.published.reading import (
    DECODER,
    DISCRIMINATOR,
    GENERATOR,
    MARKED_VERSIONS,
    PublishedFile,
    is_table,
    kind_of,
    read_content,
    read_published,
    read_tensor,
    read_weights,
    require_kind,
)
from models.published.tables import read_table
from models.published.writing import serialized, write_published, write_whole

__all__ = [
    "DECODER",
    "DISCRIMINATOR",
    "GENERATOR",
    "MARKED_VERSIONS",
    "PublishedFile",
    "build_strictly",
    "is_table",
    "kind_of",
    "load_strictly",
    "read_content",
    "read_published",
    "read_table",
    "read_tensor",
    "read_weights",
    "require_as_trained",
    "require_finite",
    "require_fit",
    "require_kind",
    "require_sizes",
    "serialized",
    "write_published",
    "write_whole",
]
