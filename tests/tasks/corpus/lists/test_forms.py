"""Lists as people keep them, over real folders: the right columns, or the question."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from configs.corpus import CorpusSettings
from configs.errors import UserError
from configs.loading import resolve
from tasks.corpus.lists.entries import ListError
from tasks.corpus.lists.names import Recordings
from tasks.corpus.lists.reading import read_list
from tests.tasks.corpus.folders import folder, record, scan

ANNA_BERT = {"a": ("Hello there my friend.", "anna"), "b": ("Good bye now.", "bert")}
ANNA_BERT_ANNA = ANNA_BERT | {"c": ("See you soon.", "anna")}
NOBODY = {"a": ("Hello there my friend.", "speaker"), "b": ("Good bye now.", "speaker")}
WORDS = {"a": ("yes", "speaker"), "b": ("no", "speaker"), "c": ("maybe", "speaker")}
NUMBERED = {"a": ("Hello there my friend.", "0"), "b": ("Good bye now.", "1")}

# name: (list's name, content, what is read as {recording: (text, speaker)})
FORMS = {
    "id text speaker": (
        "metadata.csv",
        "a|Hello there my friend.|anna\nb|Good bye now.|bert\nc|See you soon.|anna\n",
        ANNA_BERT_ANNA,
    ),
    "piper, id speaker text": (
        "metadata.csv",
        "a|anna|Hello there my friend.\nb|bert|Good bye now.\nc|anna|See you soon.\n",
        ANNA_BERT_ANNA,
    ),
    "speaker id text": (
        "metadata.csv",
        "anna|a|Hello there my friend.\nbert|b|Good bye now.\nanna|c|See you soon.\n",
        ANNA_BERT_ANNA,
    ),
    "text id": ("metadata.csv", "Hello there my friend.|a\nGood bye now.|b\n", NOBODY),
    "ljspeech": (
        "metadata.csv",
        "a|Call 12 of us.|Call twelve of us.\nb|Good bye now.|Good bye now.\n",
        {"a": ("Call twelve of us.", "speaker"), "b": ("Good bye now.", "speaker")},
    ),
    "ljspeech, normalised first": (
        "metadata.csv",
        "a|Call twelve of us.|Call 12 of us.\nb|Good bye now.|Good bye now.\n",
        {"a": ("Call twelve of us.", "speaker"), "b": ("Good bye now.", "speaker")},
    ),
    "ljspeech with speakers": (
        "metadata.csv",
        "a|Call 12 of us.|Call twelve of us.|anna\nb|Good bye now.|Good bye now.|bert\n",
        {"a": ("Call twelve of us.", "anna"), "b": ("Good bye now.", "bert")},
    ),
    "vits, path sid text": (
        "filelist.txt",
        "DUMMY1/a.wav|0|Hello there my friend.\nDUMMY1/b.wav|1|Good bye now.\n",
        NUMBERED,
    ),
    "vits, path text": ("train.txt", "out/a.wav|Hello there my friend.\nout/b.wav|Good bye now.\n", NOBODY),
    "styletts2": ("metadata.csv", "a.wav|Hello there my friend.|0\nb.wav|Good bye now.|1\n", NUMBERED),
    "gpt-sovits": (
        "voice.list",
        "out/a.wav|anna|EN|Hello there my friend.\nout/b.wav|bert|EN|Good bye now.\n",
        ANNA_BERT,
    ),
    "gpt-sovits, a word each": (
        "voice.list",
        "out/a.wav|anna|EN|yes\nout/b.wav|bert|EN|no\n",
        {"a": ("yes", "anna"), "b": ("no", "bert")},
    ),
    "windows paths in quotes": (
        "voice.list",
        '"D:\\my voice\\a.wav"|anna|EN|Hello there my friend.\n"D:\\my voice\\b.wav"|bert|EN|Good bye now.\n',
        ANNA_BERT,
    ),
    "single words": ("metadata.csv", "a|yes\nb|no\nc|maybe\n", WORDS),
    "single words, numbered speakers": (
        "metadata.csv",
        "a|yes|0\nb|no|1\nc|maybe|0\n",
        {"a": ("yes", "0"), "b": ("no", "1"), "c": ("maybe", "0")},
    ),
    "numbers as texts": ("metadata.csv", "a|12\nb|15\n", {"a": ("12", "speaker"), "b": ("15", "speaker")}),
    "speakers of two words": (
        "metadata.csv",
        "a|Hello there my friend.|Anna May\nb|Good bye now.|Bert Low\nc|See you soon.|Anna May\n",
        {n: (t, {"anna": "Anna May", "bert": "Bert Low"}[s]) for n, (t, s) in ANNA_BERT_ANNA.items()},
    ),
    "one row": ("metadata.csv", "a|Hello there my friend.|anna\n", {"a": ANNA_BERT["a"]}),
    "one speaker": (
        "metadata.csv",
        "a|Hello there my friend.|anna\nb|Good bye now.|anna\n",
        {"a": ANNA_BERT["a"], "b": ("Good bye now.", "anna")},
    ),
    "separator in texts": (
        "metadata.csv",
        "a|Hello | there|anna\nb|Good bye now.|bert\nc|See you soon.|anna\n",
        ANNA_BERT_ANNA | {"a": ("Hello | there", "anna")},
    ),
    "empty and trailing columns": (
        "metadata.csv",
        "a|Hello there my friend.||anna|\nb|Good bye now.||bert|\nc|See you soon.||anna|\n",
        ANNA_BERT_ANNA,
    ),
    "a second name of the recording": (
        "metadata.csv",
        "a|wavs/a.wav|Hello there my friend.\nb|wavs/b.wav|Good bye now.\n",
        NOBODY,
    ),
    "texts that are recordings' names": (
        "metadata.csv",
        "a|a\nb|b\n",
        {"a": ("a", "speaker"), "b": ("b", "speaker")},
    ),
    "header in another order": (
        "metadata.csv",
        'speaker,text,file\nanna,"Hello there my friend.",a.wav\nbert,Good bye now.,b.wav\n',
        ANNA_BERT,
    ),
    "header in capitals, German, CRLF and a mark": (
        "liste.csv",
        "\ufeffTEXT;SPRECHER;DATEI\r\nHello there my friend.;anna;a.wav\r\nGood bye now.;bert;b.wav\r\n",
        ANNA_BERT,
    ),
    "header in Chinese, UTF-16": (
        "list.tsv",
        "文件\t文本\t说话人\na\tHello there my friend.\tanna\nb\tGood bye now.\tbert\n".encode("utf-16"),
        ANNA_BERT,
    ),
    "header of pandas with an index": (
        "metadata.csv",
        ",path,text\n0,a.wav,Hello there my friend.\n1,b.wav,Good bye now.\n",
        NOBODY,
    ),
    "a header that names no text": (
        "metadata.csv",
        "file_name,words_said\na.wav,Hello there my friend.\nb.wav,Good bye now.\n",
        NOBODY,
    ),
    "line breaks in quotes": (
        "metadata.csv",
        'file_name,text\nwavs/a.wav,"Hello there\nmy friend."\nwavs/b.wav,Good bye now.\n',
        NOBODY,
    ),
    "line breaks in quotes between bars": (
        "metadata.csv",
        'a|"Hello there\nmy friend."|anna\nb|Good bye now.|bert\nc|"See you\n\nsoon."|anna\n',
        ANNA_BERT_ANNA,
    ),
    "commas in quotes without a header": (
        "metadata.csv",
        '"a.wav","Hello, you"\n"b.wav","Good bye now."\n',
        NOBODY | {"a": ("Hello, you", "speaker")},
    ),
    "common voice": (
        "metadata.tsv",
        "client_id\tpath\tsentence\tlocale\nanna\ta.mp3\tHello there my friend.\ten\n"
        "bert\tb.mp3\tGood bye now.\ten\n",
        ANNA_BERT,
    ),
    "transcripts.txt with bars": ("transcripts.txt", "a|Hello there my friend.\nb|Good bye now.\n", NOBODY),
    "transcripts.txt with tabs": (
        "transcripts.txt",
        "wavs/a.wav\tHello there my friend.\nwavs/b.wav\tGood bye now.\n",
        NOBODY,
    ),
    "kaldi": ("transcripts.txt", "a Hello there my friend.\nb Good bye now.\n", NOBODY),
    "kaldi's file without an ending": ("text", "a Hello there my friend.\nb Good bye now.\n", NOBODY),
    "nemo": (
        "manifest.json",
        '{"audio_filepath": "/data/a.wav", "duration": 0.5, "text": "Hello there my friend."}\n'
        '{"audio_filepath": "/data/b.wav", "duration": 0.5, "text": "Good bye now."}\n',
        NOBODY,
    ),
    "a document of rows": (
        "data.json",
        '{"data": [{"path": "a.wav", "sentence": "Hello there my friend.", "speaker": "anna"},\n'
        '{"path": "b.wav", "sentence": "Good bye now.", "speaker": "bert"}]}',
        ANNA_BERT,
    ),
    "a document of names": (
        "transcripts.json",
        '{"a.wav": "Hello there my friend.", "b": "Good bye now."}',
        NOBODY,
    ),
    "json lines with audio as an object": (
        "train.jsonl",
        '{"audio": {"path": "a.wav"}, "text": "Hello there my friend."}\n'
        '{"audio": {"path": "b.wav"}, "text": "Good bye now."}\n',
        NOBODY,
    ),
    "utf-16": ("metadata.csv", "a|Hello there my friend.\nb|Good bye now.\n".encode("utf-16"), NOBODY),
    "durations and phonemes beside": (
        "metadata.csv",
        "a|Hello there my friend.|3.52|həlˈoʊ ðˈɛɹ\nb|Good bye now.|2.1|ɡˈʊd bˈaɪ\n",
        NOBODY,
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_right_columns(tmp_path, form):
    name, content, said = FORMS[form]
    found = scan(folder(tmp_path / "r", " ".join(said), {name: content}))
    assert {row["recording_id"]: (row["text"], row["speaker"]) for row in found.rows} == said
    assert not found.rejects


# name: (list's name, content, what the message names, the answer among those it offers)
DOUBTS = {
    "single words twice": (
        "metadata.csv",
        "a|yes|anna\nb|no|bert\nc|stop|anna\n",
        "which column",
        "id,text,speaker",
    ),
    "figures and words": ("metadata.csv", "a|7|seven\nb|8|eight\n", "which column", "id,text,speaker"),
    "a translation": (
        "metadata.csv",
        "a|Hello my friend|Guten Tag\nb|See you then|Bis dann\n",
        "“Hello my friend”",
        "id,text,speaker",
    ),
    "two labels": (
        "metadata.csv",
        "a|Hello there.|anna|sad\nb|Good bye.|bert|glad\nc|See you.|anna|sad\n",
        "more than one column may be the speaker",
        "id,text,speaker,-",
    ),
    "genders": (
        "metadata.csv",
        "a|Hello there.|F\nb|Good bye.|M\nc|See you.|F\n",
        "something else",
        "id,text,-",
    ),
    "years in figures and words": (
        "metadata.csv",
        "a|1455|fourteen fifty-five\nb|1900|nineteen hundred\n",
        "something else",
        "id,-,text",
    ),
    "one word again and again": ("metadata.csv", "a|anna\nb|anna\n", "the text or the speaker", "id,text"),
    "a header that is wrong": (
        "metadata.csv",
        "id|text\nHello there.|a\nGood bye.|b\n",
        "`id` names no recording, but `text` does",
        "text,id",
    ),
    "a header with speaker and text turned round": (
        "metadata.csv",
        "id|speaker|text\na|Hello there.|anna\nb|Good bye.|bert\nc|See you.|anna\n",
        "`speaker` holds sentences",
        "id,text,speaker",
    ),
    "two columns of recordings": ("metadata.csv", "a|b\nb|a\n", "both name recordings", "id,text"),
    "rows' own numbers or speakers": (
        "metadata.csv",
        "0|a|Hello there.\n1|b|Good bye.\n2|c|See you.\n",
        "the speaker or something else",
        "-,id,text",
    ),
    "speakers or texts in a file called transcripts": (
        "transcripts.txt",
        "a anna\nb anna\nc anna\n",
        "the text or the speaker",
        "id,text",
    ),
}


@pytest.mark.parametrize("form", DOUBTS)
def test_doubt_is_a_question_that_the_settings_answer(tmp_path, form):
    name, content, what, answer = DOUBTS[form]
    root = folder(tmp_path / "r", "a b c", {name: content})
    with pytest.raises(UserError) as caught:
        scan(root)
    assert what in str(caught.value)
    assert f"--set corpus.columns={answer}" in str(caught.value)
    answered = scan(root, columns=answer)
    assert any(row["text"] for row in answered.rows)


def test_the_question_as_a_user_reads_it(tmp_path):
    root = folder(tmp_path / "r", "a b c", {"metadata.csv": "a|yes|anna\nb|no|bert\nc|stop|anna\n"})
    with pytest.raises(UserError) as caught:
        scan(root)
    assert str(caught.value) == (
        f"recordings: nothing in {root} can be used: metadata.csv: columns: metadata.csv, line 1: it cannot "
        "be told which column is the text: column 2 holds “yes”, “no”, “stop”; column 3 holds “anna”, "
        "“bert”; say what the columns are, in their order: --set corpus.columns=id,text,speaker or "
        "--set corpus.columns=id,speaker,text (id, text, raw for the text before it was normalised, speaker, "
        "language, and - for what is not to be read)"
    )
    found = scan(root, columns="id,text,speaker")
    assert [(row["text"], row["speaker"]) for row in found.rows] == [
        ("yes", "anna"), ("no", "bert"), ("stop", "anna"),
    ]  # fmt: skip


def test_a_list_in_doubt_leaves_its_neighbours_alone(tmp_path):
    root = folder(
        tmp_path / "r",
        "one/a.wav two/b.wav",
        {"one/metadata.csv": "a|yes|anna\n", "two/metadata.csv": "b|Good bye now.\n"},
    )
    found = scan(root)
    assert [(one.row_id, one.code) for one in found.rejects] == [("one/metadata.csv", "columns")]
    assert [row["text"] for row in found.rows] == ["Good bye now."]


@pytest.mark.parametrize("name", ["transkript.csv", "texte.txt", "transcript.txt"])
def test_a_list_in_another_encoding_is_refused_whatever_it_is_called(tmp_path, name):
    rows = "".join(f"{one}|Grüße über Köln, sagt {one}.\n" for one in "abcd")
    root = folder(tmp_path / "r", "a b c d", {name: rows.encode("cp1252")})
    (root / "LIESMICH.txt").write_bytes("Über diese Aufnahmen\n".encode("cp1252"))
    with pytest.raises(UserError, match=f"{name}: encoding: {name}, line 1: not UTF-8; .*corpus.encoding"):
        scan(root)
    for encoding in ("cp1252", "windows-1252", "iso8859-15"):
        found = scan(root, encoding=encoding)
        assert [row["text"] for row in found.rows] == [f"Grüße über Köln, sagt {one}." for one in "abcd"]
    (root / "metadata.csv").write_text("a|Hello there.\nb|Hello here.\n")
    found = scan(root)
    assert found.rejects == [] and any(f"not used: {name}" in one for one in found.warnings)


def test_encodings_are_any_text_encoding_of_pythons():
    known = {"latin-1": "latin-1", "cp1250": "cp1250", "Windows-1251": "cp1251", "UTF16": "utf-16"}
    for name, kept in known.items():
        assert resolve(overrides=(f"corpus.encoding={name}",)).settings.corpus.encoding == kept
    for wrong in ("klingon", "rot13", "hex", "idna", "unicode_escape", "undefined", "a\\0b", "''"):
        with pytest.raises(UserError, match="no text encoding that is known here; name one such as cp1252"):
            resolve(overrides=(f"corpus.encoding={wrong}",))


@pytest.mark.parametrize(
    ("columns", "what"),
    [("id", "id and text"), ("id,text,name", "'name' is no column"), ("id,text,text", "named twice")],
)
def test_the_setting_says_what_is_wrong_with_it(columns, what):
    with pytest.raises(UserError, match=what):
        resolve(overrides=(f"corpus.columns={columns}",))
    assert resolve(overrides=("corpus.columns=-,id, text",)).settings.corpus.columns == "-,id,text"


def test_columns_that_no_row_has(tmp_path):
    root = folder(tmp_path / "r", "a", {"metadata.csv": "a|yes\n"})
    with pytest.raises(UserError, match=r"2 columns, where .* names 3"):
        scan(root, columns="id,speaker,text")


def test_a_quotation_mark_that_nothing_closes_costs_its_row(tmp_path):
    content = 'file_name,text\na.wav,"Hello,\nthere my friend\nb.wav,Good bye now.\n'
    found = scan(folder(tmp_path / "r", "a b", {"metadata.csv": content}))
    assert [row["text"] for row in found.rows] == [None, "Good bye now."]
    assert [one.row_id for one in found.rejects] == ["metadata.csv:2", "metadata.csv:3"]
    assert "cannot be told where it ends" in found.rejects[0].reason


def test_names_in_other_capitals_are_named(tmp_path):
    found = scan(folder(tmp_path / "r", "A b", {"metadata.csv": "a|Hello there.\nb|Good bye.\n"}))
    (refused,) = found.rejects
    assert refused.code == "no_audio"
    assert "but wavs/A.wav, which differs in capitals" in refused.reason


def test_lists_that_are_not_used_are_named(tmp_path):
    files = {
        "transcripts.txt": "x|Hello there.\ny|Good bye.\n",
        "manifest.json": "[]",
        "film.srt": "1\n00:00:00,000 --> 00:00:01,000\nHello\n",
        "other/a.TextGrid": "",
        "durations.csv": "a.wav,3.5\nb.wav,2.5\n",
        "speakers.txt": "a anna\nb bert\n",
        "invalidated.tsv": "client_id\tpath\tsentence\tup_votes\tdown_votes\nx\tb.mp3\tHello\t0\t2\n",
        "notes.txt": "Recorded in May.",
        "README.txt": "How | to",
    }
    found = scan(folder(tmp_path / "r", "a b", files))
    assert {row["text"] for row in found.rows} == {None}
    said = "\n".join(found.warnings)
    for name in files:
        assert (name in said) == (name not in ("notes.txt", "README.txt")), name
    assert "listeners have not found good" in said


def test_a_list_by_content_yields_to_one_by_name(tmp_path):
    files = {
        "metadata.csv": "a|Hello, there!\n",
        "train.txt": "a.wav|hello there\nb.wav|good bye now\n",
    }
    found = scan(folder(tmp_path / "r", "a b", files))
    assert [row["text"] for row in found.rows] == ["Hello, there!", "good bye now"]
    assert any("train.txt: not used for 1 recordings" in warning for warning in found.warnings)


def test_kinds_that_are_not_read_are_named(tmp_path):
    root = folder(tmp_path / "r", "a", {"wavs/b.wv": b"wvpk1234", "wavs/c.ape": b"MAC 1234"})
    record(root / "wavs" / "noext")
    (root / "LICENSE").write_text("Free.")
    said = "\n".join(scan(root).warnings)
    assert "b.wv" in said and "c.ape" in said and "noext; call them .wav" in said
    assert "LICENSE" not in said
    (root / "wavs" / "a.wav").unlink()
    with pytest.raises(UserError, match="not read"):
        scan(root)


def test_several_lists_of_one_set(tmp_path):
    files = {"train.txt": "a.wav|Hello there.|0\nb.wav|Good bye.|1\n", "val.txt": "c.wav|See you soon.|0\n"}
    found = scan(folder(tmp_path / "r", "a b c", files))
    assert [(row["text"], row["speaker"]) for row in found.rows] == [
        ("Hello there.", "0"), ("Good bye.", "1"), ("See you soon.", "0"),
    ]  # fmt: skip
    assert [row["split"] for row in found.rows] == ["train", "train", "validation"]
    (told,) = found.warnings
    assert "1 for validation" in told


def test_librispeech(tmp_path):
    files = {"19/198/19-198.trans.txt": "19-198-0000 HELLO THERE\n19-198-0001 GOOD BYE\n"}
    found = scan(folder(tmp_path / "r", "19/198/19-198-0000.flac 19/198/19-198-0001.flac", files))
    assert [row["text"] for row in found.rows] == ["HELLO THERE", "GOOD BYE"]


_TEXTS = st.lists(
    st.text("abcdefg ,;'\"é你|", min_size=3, max_size=30).map(lambda t: f"we say {t.strip()} then."),
    min_size=2,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@example(texts=["we say a|b then.", "we say c|d then."], order=["speaker", "text", "id"], ending=".wav")
@given(texts=_TEXTS, order=st.permutations(["id", "text", "speaker"]), ending=st.sampled_from(["", ".wav"]))
def test_any_order_of_columns_gives_back_the_texts(tmp_path_factory, texts, order, ending):
    """What is written is read, whatever separates, quotes or stands inside the texts; or the list asks."""
    rows = [
        {"id": f"clip_{at}{ending}", "text": text, "speaker": ("anna", "bert")[at % 2]}
        for at, text in enumerate(texts)
    ]
    content = "\n".join("\t".join(row[name] for name in order) for row in rows)
    path = tmp_path_factory.mktemp("lists") / "metadata.csv"
    path.write_text(content)
    recordings = Recordings(f"wavs/clip_{at}.wav" for at in range(len(rows)))
    try:
        found = read_list(path, "utf-8", recordings)
    except ListError as error:
        assert error.code == "columns"
        return
    assert {e.reference: (e.text, e.speaker) for e in found.entries} == {
        row["id"]: (" ".join(row["text"].split()), row["speaker"]) for row in rows
    }


def test_defaults_ask_nothing():
    assert CorpusSettings().columns is None


def test_a_path_of_the_settings_is_a_list_of_any_form(tmp_path: Path):
    root = folder(tmp_path / "r", "a b", {})
    (tmp_path / "anything.csv").write_text("a|anna|Hello there my friend.\nb|bert|Good bye now.\n")
    found = scan(root, metadata=str(tmp_path / "anything.csv"))
    assert [(row["text"], row["speaker"]) for row in found.rows] == list(ANNA_BERT.values())
