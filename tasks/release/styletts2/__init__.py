"""StyleTTS 2 voices: how they speak, are rendered and exported."""
