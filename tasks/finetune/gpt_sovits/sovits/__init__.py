"""Training of SoVITS: generator and discriminators."""
