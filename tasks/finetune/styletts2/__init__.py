"""StyleTTS 2: two stages of training, or fine-tuning of a voice."""
