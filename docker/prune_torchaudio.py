"""Set-up step: let a CPU-only torch import torchaudio.

The published torchaudio wheel links CUDA libraries, and importing it beside a CPU-only torch fails, which
breaks torchcrepe and speechbrain. Its Python parts do without the compiled ones, so on a CPU-only torch these
are removed; beside a CUDA torch nothing is touched.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def main() -> None:
    """Remove torchaudio's compiled libraries where torch has no CUDA."""
    import torch

    spec = find_spec("torchaudio")
    if torch.version.cuda or spec is None or spec.origin is None:
        return
    for library in sorted((Path(spec.origin).parent / "lib").glob("*.so")):
        library.unlink()


if __name__ == "__main__":
    main()
