"""Which column holds what: by the names in a header and by what is in them, never by position alone.

Where both leave it open, the list is refused with the question, which `corpus.columns` answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from tasks.corpus.lists import headers
from tasks.corpus.lists.facts import Facts, resemble
from tasks.corpus.lists.headers import Role
from tasks.corpus.lists.names import Recordings, has_audio_suffix
from tasks.corpus.lists.tables import Table

SETTING = "corpus.columns"
_SAMPLE = 2000


class Trust(Enum):
    """How sure it is that a file is a transcript list: by rule, likely by its name, or not at all."""

    LIST = 2
    LIKELY = 1
    UNKNOWN = 0


class DoubtError(Exception):
    """The columns leave open what they are; `answers` are likely ones, as `corpus.columns` takes them."""

    def __init__(self, reason: str, answers: Sequence[str]) -> None:
        super().__init__(reason)
        self.reason = reason
        self.answers = answers


class NoTextError(Exception):
    """No column can be a text."""


class Columns(NamedTuple):
    """What each column holds; `unread` are those that hold something nobody asks for."""

    roles: tuple[Role, ...]
    unread: tuple[int, ...]

    def at(self, role: Role) -> int | None:
        """The column of a role."""
        return self.roles.index(role) if role in self.roles else None


def decide(table: Table, recordings: Recordings, trust: Trust) -> Columns:
    """The columns of a table, the header's word first, then the content's.

    Args:
        recordings: the set's.
        trust: how sure it is that the file is a list: single words beside an id may be speakers.

    Raises:
        DoubtError: header and content leave it open, or contradict each other.
        NoTextError: none of the columns holds text.
    """
    columns = _facts(table)
    names = table.header
    roles: dict[int, Role] = {}
    if names is not None:
        roles = _by_header(names, columns, recordings)
    if Role.ID not in roles.values():
        candidates = [column for column in columns if column.at not in roles]
        roles |= _recording_column(candidates, recordings, table.width)
    if Role.TEXT not in roles.values():
        _by_content(columns, roles, trust, names is not None)
    if names is not None:
        _require_agreement(names, columns, roles, recordings)
    found = tuple(roles.get(column.at, Role.NONE) for column in columns)
    unread = tuple(c.at for c in columns if c.filled and roles.get(c.at) is None)
    return Columns(found, unread)


def _facts(table: Table) -> list[Facts]:
    """The columns by rows of the usual width; a row that was given twice says no more than once."""
    usual = (tuple(r.fields) for r in table.records[:_SAMPLE] if len(r.fields) == table.width)
    rows = list(dict.fromkeys(usual))
    return [Facts(at, [row[at].strip() for row in rows]) for at in range(table.width)]


# -- by the header


def _by_header(names: Sequence[str], columns: Sequence[Facts], recordings: Recordings) -> dict[int, Role]:
    roles: dict[int, Role] = {}
    ids = headers.ranked(names, Role.ID)
    if ids:
        # Where several are called so, the one that does name recordings.
        roles[max(ids, key=lambda at: (_share(columns[at], recordings), -ids.index(at)))] = Role.ID
    texts = [at for at in headers.ranked(names, Role.TEXT) if columns[at].filled or len(names) == 2]
    if texts:
        roles[texts[0]] = Role.TEXT
        _take_second_text(names, columns, roles, texts)
    for role in (Role.RAW, Role.SPEAKER, Role.LANGUAGE, Role.START, Role.END, Role.DURATION):
        found = headers.ranked(names, role)
        if found and role not in roles.values():
            roles[next((at for at in found if columns[at].filled), found[0])] = role
    if Role.TEXT not in roles.values() and Role.RAW in roles.values():
        roles = {at: Role.TEXT if role is Role.RAW else role for at, role in roles.items()}
    return roles


def _take_second_text(
    names: Sequence[str], columns: Sequence[Facts], roles: dict[int, Role], texts: Sequence[int]
) -> None:
    for other in texts[1:]:
        if headers.is_normalized(names[texts[0]]):
            roles.setdefault(other, Role.RAW)
            return
        if not resemble(columns[texts[0]], columns[other]):
            raise DoubtError(
                f"`{names[texts[0]]}` and `{names[other]}` both may be the text, and they differ "
                f"({columns[texts[0]].shown()}; {columns[other].shown()})",
                [
                    _answer(len(names), roles | {texts[0]: Role.NONE, other: Role.TEXT}),
                    _answer(len(names), roles),
                ],
            )


def _require_agreement(
    names: Sequence[str], columns: Sequence[Facts], roles: dict[int, Role], recordings: Recordings
) -> None:
    """Raises DoubtError where what a column is called and what is in it cannot both be."""
    by_role = {role: columns[at] for at, role in roles.items()}
    named, text, speaker = by_role[Role.ID], by_role[Role.TEXT], by_role.get(Role.SPEAKER)
    turned = {Role.ID: named, Role.TEXT: text}
    if recordings and not _share(named, recordings) and _share(text, recordings) > 0.5:
        what = f"`{names[named.at]}` names no recording, but `{names[text.at]}` does"
    elif speaker is not None and speaker.is_text and text.is_label and text.may_be_speaker:
        what = (
            f"`{names[speaker.at]}` holds sentences ({speaker.shown()}), and `{names[text.at]}` single words "
            f"that come back ({text.shown()})"
        )
        turned = {Role.SPEAKER: speaker, Role.TEXT: text}
    else:
        return
    (one, first), (other, second) = turned.items()
    swapped = roles | {first.at: other, second.at: one}
    raise DoubtError(what, [_answer(len(names), swapped), _answer(len(names), roles)])


# -- by the content


def _recording_column(columns: Sequence[Facts], recordings: Recordings, width: int) -> dict[int, Role]:
    """The column that names recordings; a second one that names the same ones too is not read.

    Raises:
        DoubtError: two columns name recordings, and not the same ones.
    """
    if not columns:
        raise NoTextError
    shares = {column.at: _share(column, recordings) for column in columns}
    if not any(shares.values()):
        named = [c for c in columns if sum(map(has_audio_suffix, c.filled)) * 2 > len(c.filled)]
        return {(named or columns)[0].at: Role.ID}
    best = max(columns, key=lambda c: (shares[c.at], _has_suffixes(c), -c.at))
    rivals = [c for c in columns if c is not best and 2 * shares[c.at] > shares[best.at] > 0]
    roles = {best.at: Role.ID}
    for rival in rivals:
        same = _stems(best, recordings) == _stems(rival, recordings)
        if same and width > 2:
            roles[rival.at] = Role.NONE
        elif not same and _has_suffixes(best) == _has_suffixes(rival) and shares[rival.at] == shares[best.at]:
            raise DoubtError(
                f"column {best.at + 1} and column {rival.at + 1} both name recordings "
                f"({best.shown()}; {rival.shown()})",
                [
                    _answer(width, {best.at: Role.ID, rival.at: Role.TEXT}),
                    _answer(width, {rival.at: Role.ID, best.at: Role.TEXT}),
                ],
            )
    return roles


def _share(column: Facts, recordings: Recordings) -> float:
    """Recordings that a column names, per row: an id is there once, a word that is also a name is not."""
    found = {recordings.named(value) for value in column.filled} - {None}
    return len(found) / max(len(column.filled), 1)


def _stems(column: Facts, recordings: Recordings) -> list[str | None]:
    return [recordings.named(value) for value in column.values]


def _has_suffixes(column: Facts) -> bool:
    return 2 * sum(map(has_audio_suffix, column.filled)) > len(column.filled)


def _by_content(columns: Sequence[Facts], roles: dict[int, Role], trust: Trust, has_header: bool) -> None:
    """Adds text, raw, speaker and language to what is known of the columns."""
    left = [c for c in columns if c.at not in roles and c.filled]
    if any(c.is_text and not c.is_phonemes for c in left):
        left = [c for c in left if not c.is_phonemes]
    left = [c for c in left if not c.is_measure]
    texts = [c for c in left if c.is_text]
    languages = [c for c in left if c.is_language and (c.comes_back or len(c.filled) < 4)]
    if Role.LANGUAGE not in roles.values() and languages and (texts or _is_gpt_sovits(columns, roles)):
        roles[languages[0].at] = Role.LANGUAGE
        left = [c for c in left if c.at not in roles]
    if not left:
        raise NoTextError
    if len(texts) == 2 and resemble(*texts):
        normalized = _normalized_of(*texts)
        roles[normalized.at] = Role.TEXT
        roles[_other(texts, normalized).at] = Role.RAW
    elif len(texts) == 1:
        roles[texts[0].at] = Role.TEXT
    elif len(texts) > 1:
        raise _which_text(columns, roles, texts)
    else:
        _single_words(columns, roles, left, trust)
    labels = [c for c in left if c.at not in roles]
    if has_header or not labels or Role.SPEAKER in roles.values():
        return
    _speaker(columns, roles, labels)


def _other(pair: Sequence[Facts], one: Facts) -> Facts:
    return pair[1] if pair[0] is one else pair[0]


def _normalized_of(first: Facts, second: Facts) -> Facts:
    """Of two ways of writing the one without figures, else the later, as in LJSpeech."""
    figures = [sum(any(c.isdigit() for c in value) for value in column.filled) for column in (first, second)]
    return first if figures[0] < figures[1] else second


def _single_words(
    columns: Sequence[Facts], roles: dict[int, Role], left: Sequence[Facts], trust: Trust
) -> None:
    """Finds the text among columns of single words."""
    if len(left) == 1:
        only = left[0]
        alike = len(only.filled) > 1 and only.distinct == 1
        again = " again and again" if only.comes_back and len(only.filled) > 1 else ""
        unsure = {Trust.LIST: alike, Trust.LIKELY: alike or bool(again), Trust.UNKNOWN: True}
        if only.is_label and unsure[trust]:
            raise DoubtError(
                f"column {only.at + 1} may be the text or the speaker ({only.shown()}{again})",
                [_answer(len(columns), roles | {only.at: Role.TEXT})],
            )
        roles[only.at] = Role.TEXT
        return
    if len(left) != 2:
        raise _which_text(columns, roles, left)
    first, second = left
    if resemble(first, second):
        roles[first.at], roles[second.at] = Role.RAW, Role.TEXT
        return
    if _is_gpt_sovits(columns, roles):
        roles[first.at], roles[second.at] = Role.SPEAKER, Role.TEXT
        return
    words = [c for c in left if not c.is_integer]
    numbers = [c for c in left if c.is_integer]
    if len(words) == 1 and not _one_to_one(first, second):
        roles[words[0].at], roles[numbers[0].at] = Role.TEXT, Role.SPEAKER
        return
    back = [c for c in left if c.comes_back]
    if len(back) == 1 and len(back[0].filled) >= 4 and _other(left, back[0]).distinct > 2 * back[0].distinct:
        roles[back[0].at], roles[_other(left, back[0]).at] = Role.SPEAKER, Role.TEXT
        return
    raise _which_text(columns, roles, left)


def _one_to_one(first: Facts, second: Facts) -> bool:
    """Whether one column may be the other in words (7, seven): each value always meets the same one."""
    pairs = set(zip(first.values, second.values, strict=True))
    return len(pairs) == first.distinct == second.distinct > 1


def _is_gpt_sovits(columns: Sequence[Facts], roles: dict[int, Role]) -> bool:
    """Four columns, a path first and codes of languages third: only `path|speaker|LANGUAGE|text` is so."""
    return len(columns) == 4 and roles.get(0) is Role.ID and columns[2].is_language and roles.get(3) is None


def _speaker(columns: Sequence[Facts], roles: dict[int, Role], labels: Sequence[Facts]) -> None:
    if len(labels) == 1 and labels[0].may_be_speaker and not _is_index(labels[0], roles):
        roles[labels[0].at] = Role.SPEAKER
        return
    if len(labels) == 1:
        what = f"column {labels[0].at + 1} may be the speaker or something else ({labels[0].shown()})"
    else:
        shown = "; ".join(f"column {c.at + 1}: {c.shown()}" for c in labels[:4])
        what = f"more than one column may be the speaker ({shown})"
    answers = [_answer(len(columns), roles | {c.at: Role.SPEAKER}) for c in labels[:2]]
    raise DoubtError(what, [*answers, _answer(len(columns), roles)])


def _is_index(column: Facts, roles: dict[int, Role]) -> bool:
    """Numbers of the rows: in front of everything, or too many to be speakers."""
    before_all = column.at < min(at for at, role in roles.items() if role in (Role.ID, Role.TEXT))
    return column.counts and (before_all or len(column.filled) > 10)


def _which_text(columns: Sequence[Facts], roles: dict[int, Role], texts: Sequence[Facts]) -> DoubtError:
    shown = "; ".join(f"column {c.at + 1} holds {c.shown()}" for c in texts[:4])
    answers = []
    for column in texts[:2]:
        short = [c for c in texts if c is not column and c.is_short]
        rest = {short[0].at: Role.SPEAKER} if len(short) == 1 else {}
        answers.append(_answer(len(columns), roles | rest | {column.at: Role.TEXT}))
    return DoubtError(f"it cannot be told which column is the text: {shown}", answers)


def _answer(width: int, roles: dict[int, Role]) -> str:
    return ",".join(roles.get(at, Role.NONE).value for at in range(width))
