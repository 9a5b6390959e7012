"""Arrow schemas of every stage's rows.

Units are in the names or in the field's `about` metadata. `audio` is always FLAC: mono, 24 bit, at the
row's `sample_rate`. `source_digest` is the SHA-256 of the recording file that a row comes from.
"""

from __future__ import annotations

import pyarrow as pa

STR, F32, F64, I32, I64, BOOL, BIN = (
    pa.string(),
    pa.float32(),
    pa.float64(),
    pa.int32(),
    pa.int64(),
    pa.bool_(),
    pa.binary(),
)


def _schema(*fields: tuple[str, pa.DataType, str]) -> pa.Schema:
    return pa.schema([pa.field(name, kind, metadata={"about": about}) for name, kind, about in fields])


_UTTERANCE = ("utterance_id", STR, "identifier, safe as a file name, unique in the corpus")
_RECORDING = ("recording_id", STR, "identifier of the recording, safe as a file name")
_SOURCE = ("source_digest", STR, "SHA-256 of the recording file")
_SPEAKER = ("speaker", STR, "speaker's name")
_AUDIO = (
    ("audio", BIN, "FLAC, mono, 24 bit"),
    ("sample_rate", I32, "samples per second"),
    ("duration_s", F64, "seconds"),
)

_CUT = pa.struct([("start_s", F64), ("end_s", F64), ("text", STR), ("speaker", STR), ("joins", pa.bool_())])
INGEST = _schema(
    _RECORDING,
    _SPEAKER,
    ("language", STR, "language code given with the recording, or null"),
    ("text", STR, "transcript given with the recording, or null"),
    ("cuts", pa.list_(_CUT), "stretches with texts of their own, where subtitles or a list give them"),
    ("transcript_source", STR, "kind of list the transcript came from, or none"),
    ("source_path", STR, "path inside the recordings folder"),
    _SOURCE,
    *_AUDIO,
    ("source_codec", STR, "codec of the original"),
    ("source_sample_rate", I32, "samples per second of the original"),
    ("source_channels", I32, "channels of the original"),
    ("conversions", pa.list_(STR), "what was done to reach canonical mono"),
)
DIVISION = _schema(
    _RECORDING,
    ("split", STR, "train, validation or test, as the name of its list says"),
)
SEGMENT = _schema(
    _UTTERANCE,
    _RECORDING,
    _SOURCE,
    _SPEAKER,
    ("language", STR, "language code given with the recording, or null"),
    ("text", STR, "transcript given for exactly this stretch, or its share of a longer one, or null"),
    ("text_before", STR, "of a share: words of the transcript before it, else null"),
    ("text_after", STR, "of a share: words of the transcript after it, else null"),
    ("start_s", F64, "start inside the recording, seconds"),
    ("end_s", F64, "end inside the recording, seconds"),
    *_AUDIO,
)
ENHANCE = _schema(
    _UTTERANCE,
    _SOURCE,
    *_AUDIO,
    ("gain_db", F32, "gain applied, dB"),
    ("loudness_lufs", F32, "integrated loudness afterwards, LUFS (ITU-R BS.1770)"),
    ("true_peak_dbfs", F32, "4x oversampled peak afterwards, dBFS"),
    ("operations", pa.list_(STR), "what was applied, in order"),
)
LANGUAGE = _schema(
    ("scope", STR, "`corpus` or a speaker's name"),
    ("language", STR, "language code"),
    ("confidence", F32, "0-1"),
    ("share", F32, "share of the text in this language, 0-1"),
)
TRANSCRIBE = _schema(
    _UTTERANCE,
    _SOURCE,
    ("text", STR, "what is spoken"),
    (
        "text_source",
        STR,
        "given, corrected, shared (a part of a longer transcript), faster-whisper or pocketsphinx",
    ),
    ("language", STR, "language code"),
    ("language_confidence", F32, "0-1; 1 when given"),
    ("asr_text", STR, "what recognition heard, or null"),
    ("asr_confidence", F32, "0-1, or null"),
    ("word_error_rate", F32, "recognition against the given text, or null"),
)
MEASURE = _schema(
    _UTTERANCE,
    _SOURCE,
    ("snr_db", F32, "signal-to-noise ratio as recorded, dB"),
    ("clipping_ratio", F32, "share of samples in runs at full scale, 0-1"),
    ("bandwidth_hz", F32, "highest frequency that carries speech energy, Hz"),
    ("silence_ratio", F32, "share of the clip without speech, 0-1"),
    ("speech_s", F32, "seconds of speech"),
    ("peak_dbfs", F32, "sample peak, dBFS"),
    ("reverberation_s", F32, "seconds in which the room's sound falls by 60 dB, or null"),
)
SPEAKER = _schema(
    _UTTERANCE,
    _SOURCE,
    _SPEAKER,
    ("embedding", pa.list_(F32), "unit-length speaker embedding"),
    ("backend", STR, "encoder and its version"),
)
PHONEMIZE = _schema(
    _UTTERANCE,
    _SOURCE,
    ("text", STR, "what is spoken"),
    ("normalized_text", STR, "numbers, dates and abbreviations written out"),
    ("language", STR, "language code"),
    ("symbol_table", STR, "table that phone_ids index"),
    ("words", pa.list_(STR), "words and punctuation marks"),
    ("phones", pa.list_(STR), "phone symbols"),
    ("phone_ids", pa.list_(I32), "indices into the symbol table"),
    ("word2ph", pa.list_(I32), "phones per word"),
    ("own_words", pa.list_(I32), "places of the words whose phones the text or a lexicon gave"),
    ("unknown", pa.list_(STR), "symbols that the table does not hold"),
)
OTHER_TEXTS = _schema(
    _UTTERANCE,
    ("source_digest", STR, "SHA-256 of the text"),
    ("text", STR, "what a voice is judged by that no clip says"),
    ("language", STR, "language code"),
)
ACOUSTIC_MODEL = _schema(
    ("backend", STR, "aligner that will be used"),
    ("backend_version", STR, "its version"),
    ("model_digest", STR, "SHA-256 of the model's content, or empty"),
    ("trained_on_s", F64, "seconds of this corpus that the model learned from"),
    ("clips", I32, "clips that the model learned from"),
)
_PHONE = pa.struct([("label", STR), ("start_s", F64), ("end_s", F64), ("score", F32), ("word", I32)])
_WORD = pa.struct([("label", STR), ("start_s", F64), ("end_s", F64), ("score", F32)])
ALIGN = _schema(
    _UTTERANCE,
    _SOURCE,
    ("backend", STR, "aligner"),
    ("backend_version", STR, "its version"),
    ("model_digest", STR, "SHA-256 of the acoustic model, or empty"),
    ("phones", pa.list_(_PHONE), "one interval per phone, seconds; word = index into words"),
    ("words", pa.list_(_WORD), "one interval per word, seconds"),
    ("score", F32, "mean log-likelihood per frame, backend's own scale"),
    ("loud_silence_ratio", F32, "share of the time labelled silence that is loud, 0-1"),
)
SCREEN = _schema(
    _UTTERANCE,
    _SOURCE,
    _SPEAKER,
    ("language", STR, "language code"),
    ("text", STR, "what is spoken"),
    ("duration_s", F64, "seconds"),
    ("speech_s", F32, "seconds of speech"),
    ("snr_db", F32, "signal-to-noise ratio as recorded, dB"),
    ("reverberation_s", F32, "seconds in which the room's sound falls by 60 dB, or null"),
    ("clipping_ratio", F32, "share of samples at full scale, 0-1"),
    ("bandwidth_hz", F32, "Hz"),
    ("silence_ratio", F32, "0-1"),
    ("loudness_lufs", F32, "LUFS"),
    ("phones_per_s", F32, "speaking rate, phones per second of speech"),
    ("speaker_similarity", F32, "cosine to the speaker's own centroid"),
    ("alignment_score", F32, "the aligner's own scale"),
)
PITCH = _schema(
    _UTTERANCE,
    _SOURCE,
    ("f0_hz", pa.list_(F32), "fundamental frequency per frame, Hz; 0 where unvoiced"),
    ("voiced", pa.list_(BOOL), "voicing per frame"),
    ("frame_rate_hz", F32, "frames per second"),
)
SPECTROGRAM = _schema(
    _UTTERANCE,
    _SOURCE,
    ("mel", BIN, "log-mel as the family defines it, float16 [n_frames, n_mels], C order"),
    ("linear", BIN, "linear magnitude, float16 [n_frames, n_bins], C order; empty when not kept"),
    (
        "energy",
        pa.list_(F32),
        "per frame: L2 norm of the linear magnitudes; mel styletts2: natural log of that of the mel's power",
    ),
    ("n_frames", I32, "frames"),
    ("n_mels", I32, "mel bands"),
    ("n_bins", I32, "frequency bins"),
)
CONTENT = _schema(
    _UTTERANCE,
    _SOURCE,
    ("features", BIN, "float16 [n_frames, dim], C order; empty for families that read none"),
    ("dim", I32, "feature size, 0 for families that read none"),
    ("n_frames", I32, "frames"),
    ("frame_rate_hz", F32, "frames per second"),
    ("backend", STR, "encoder and its version"),
)
LINGUISTIC = _schema(
    _UTTERANCE,
    _SOURCE,
    ("features", BIN, "float16 [n_phones, dim], C order; empty stands for zeros"),
    ("dim", I32, "feature size"),
    ("n_phones", I32, "phones"),
    ("backend", STR, "encoder and its version, or zeros"),
)
SPEAKER_VECTOR = _schema(
    _UTTERANCE,
    _SOURCE,
    ("vector", BIN, "float32 [20480]; empty when no network made it"),
    ("backend", STR, "network, or none"),
)
SPEAKER_PROFILE = _schema(
    _SPEAKER,
    ("centroid", pa.list_(F32), "unit-length mean embedding"),
    ("n_clips", I32, "accepted clips"),
    ("duration_s", F64, "seconds of accepted audio"),
    ("reference_utterance_id", STR, "clip that represents the speaker best"),
    ("backend", STR, "encoder and its version"),
)
SEMANTIC = _schema(
    _UTTERANCE,
    _SOURCE,
    ("codes", pa.list_(I32), "semantic codes at 25 per second"),
)
NOTHING = _schema(("name", STR, "a stage that writes files alone has no rows"))
