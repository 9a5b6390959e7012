"""Forced alignment: when each phone of a known text is spoken.

`alignment` holds the result and the marks that stand for pauses, `sphinx` and `hmm` make alignments,
`bootstrap` trains the HMM where there is little speech, `quality` judges any alignment, `textgrid` and
`mfa_output` read and write files' text. The Montreal Forced Aligner itself runs outside (tasks.features.mfa).

`text_aligner` and `monotonic` are another thing: the alignment by attention that StyleTTS 2 trains with, on
batches of tensors inside a training step.
"""
