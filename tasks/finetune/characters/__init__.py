"""Clips of characters: what StyleTTS 2 and Kokoro train on."""
