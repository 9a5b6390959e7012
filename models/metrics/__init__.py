"""How far a rendering is from a recording: arrays in, floats out."""
