"""How far a rendering is from a recording, and a decoding from its codes: arrays in, floats out."""
