"""The training of Sketch."""
