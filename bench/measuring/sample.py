"""The embedded recordings as a voice that is trained in seconds: for what training is not to hide."""

FEW_STEPS = ("train.sovits.max_steps=2", "train.t2s.max_steps=2", "release.synthesize.max_sentence_s=1")
