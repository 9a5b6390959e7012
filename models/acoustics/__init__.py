"""Networks that StyleTTS 2 and Kokoro have in common: text, style, prosody and decoder."""
