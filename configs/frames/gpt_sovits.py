"""GPT-SoVITS reads phones."""

from configs.frames import Frame

FRAME = Frame(mel="slaney")
