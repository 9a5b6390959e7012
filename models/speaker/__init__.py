"""Speaker encoders: frozen networks that turn an utterance into a vector of who speaks."""
