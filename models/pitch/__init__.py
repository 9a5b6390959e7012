"""Networks that hear a voice's pitch."""
