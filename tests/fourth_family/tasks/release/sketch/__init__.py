"""The release of Sketch voices."""
