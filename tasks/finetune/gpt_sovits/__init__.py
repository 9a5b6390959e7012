"""GPT-SoVITS: the plan, the voice's timbre (SoVITS), its codes, and its prosody (T2S)."""
