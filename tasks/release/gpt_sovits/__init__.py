"""GPT-SoVITS voices: how they speak, are rendered, measured and exported."""
