"""The small voice that the tests of speaking have."""

from __future__ import annotations

from tests.tasks.release.conftest import release, voice_folder

__all__ = ["release", "voice_folder"]
