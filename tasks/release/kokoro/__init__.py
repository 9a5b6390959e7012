"""Kokoro voices: how they speak, are rendered and exported."""
