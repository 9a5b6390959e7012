"""Kokoro: a voice table, and model and table trained together."""
