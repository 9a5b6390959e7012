"""Training of T2S, the text-to-semantic decoder."""
