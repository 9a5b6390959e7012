"""Sketch: characters to mel spectrograms by average sounds, and waveforms without a learnt vocoder."""
