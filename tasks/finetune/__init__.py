"""Training: one loop, one batch sampler, one checkpoint format for all families."""
