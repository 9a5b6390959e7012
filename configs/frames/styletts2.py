"""StyleTTS 2 reads characters of its own."""

from configs.frames import Frame

FRAME = Frame(mel="styletts2", character_table="styletts2", onnx=True)
