"""From utterances to what a voice model learns from."""
