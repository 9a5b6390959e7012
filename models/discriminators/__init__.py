"""Networks that tell recordings from synthesis."""
