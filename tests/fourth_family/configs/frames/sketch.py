"""Sketch reads Kokoro's characters and StyleTTS 2's mel, since clips of both exist."""

from configs.frames import Frame

FRAME = Frame(mel="styletts2", character_table="kokoro")
