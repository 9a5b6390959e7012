"""Kokoro reads characters of its own, and StyleTTS 2's mel."""

from configs.frames import Frame

FRAME = Frame(mel="styletts2", character_table="kokoro", onnx=True)
