"""Text to phone symbols: normalisation, grapheme to phoneme, symbol tables."""
