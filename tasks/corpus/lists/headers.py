"""What the names in a list's first line, or the keys of its JSON rows, mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum


class Role(StrEnum):
    """What a column holds; the values are what `corpus.columns` calls them."""

    ID = "id"
    TEXT = "text"
    RAW = "raw"
    """The text as written, used where a row has no other."""
    SPEAKER = "speaker"
    LANGUAGE = "language"
    START = "start"
    END = "end"
    DURATION = "duration"
    NONE = "-"
    """Not read."""


# Best first. Compared without capitals, spaces and signs: `Audio_FilePath` is `audiofilepath`.
_NAMES: dict[Role, tuple[str, ...]] = {
    Role.ID: (
        "audiofilepath", "filename", "filepath", "audiopath", "audiofile", "audiofilename", "wavpath",
        "wavfile", "wavfilename", "clippath", "path", "audio", "wav", "clip", "file", "recording",
        "uttid", "utteranceid", "audioid", "clipid", "fileid", "recordingid", "segmentid", "id", "key",
        "datei", "dateiname", "fichier", "nomdufichier", "archivo", "ruta", "arquivo", "ficheiro", "bestand",
        "bestandsnaam", "plik", "файл", "путь", "аудио", "文件", "文件名", "路径", "音频", "音频文件", "檔案",
        "檔名", "ファイル", "ファイル名", "音声", "파일", "파일명", "오디오",
    ),
    Role.TEXT: (
        "normalizedtext", "normalisedtext", "textnormalized", "textnormalised", "normalizedtranscription",
        "normalizedtranscript", "normalized", "normalised", "cleantext", "cleanedtext", "text",
        "transcription", "transcript", "sentence", "caption", "orthography", "satz", "transkript",
        "transkription", "texte", "phrase", "texto", "frase", "transcripcion", "transcrição", "testo",
        "trascrizione", "tekst", "zin", "zdanie", "transkrypcja", "metin", "текст", "предложение",
        "транскрипция", "文本", "文字", "句子", "转写", "转录", "テキスト", "文", "書き起こし", "텍스트",
        "문장",
    ),
    Role.RAW: (
        "rawtext", "textraw", "originaltext", "textoriginal", "rawtranscription", "rawtranscript", "raw",
        "original",
    ),
    Role.SPEAKER: (
        "speaker", "speakerid", "speakername", "spk", "spkid", "spkname", "sid", "clientid", "narrator",
        "reader", "readerid", "voice", "voicename", "talker", "sprecher", "sprecherin", "locuteur",
        "hablante", "locutor", "parlante", "spreker", "mówca", "диктор", "спикер", "说话人", "說話人",
        "发音人", "話者", "スピーカー", "화자",
    ),
    Role.LANGUAGE: (
        "language", "lang", "locale", "languageid", "langid", "languagecode", "sprache", "langue", "idioma",
        "lingua", "taal", "язык", "语言", "語言", "言語", "언어",
    ),
    Role.START: ("offset", "start", "starttime", "starts", "startsec", "begin", "begintime"),
    Role.END: ("end", "endtime", "ends", "endsec"),
    Role.DURATION: ("duration", "durations", "durationsec", "durationseconds", "dur"),
}  # fmt: skip
_RANK = {name: (role, at) for role, names in _NAMES.items() for at, name in enumerate(names)}
_TELLING = re.compile("(file|audio|wav|clip)(name|path|file)")
_NORMALIZED = re.compile("normali|clean|textnorm")


def role_of(name: str) -> Role | None:
    """What a column of this name holds; None for an unknown name."""
    return _RANK.get(_key(name), (None, 0))[0]


def is_header(names: Sequence[str]) -> bool:
    """Whether a first row names columns: one holds recordings or texts, and a second one is known too.

    `file_name` and its like are enough alone.
    """
    known = [role for name in names if (role := role_of(name)) is not None]
    telling = any(role_of(name) is Role.ID and _TELLING.search(_key(name)) for name in names)
    return telling or (len(known) >= 2 and bool({Role.ID, Role.TEXT, Role.RAW} & set(known)))


def ranked(names: Sequence[str], role: Role) -> list[int]:
    """Columns of one role, the most telling name first."""
    found = [at for at, name in enumerate(names) if role_of(name) is role]
    return sorted(found, key=lambda at: _RANK[_key(names[at])][1])


def is_normalized(name: str) -> bool:
    """Whether a column holds the text as it is spoken, beside another as it is written."""
    return _NORMALIZED.match(_key(name)) is not None


def _key(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())
