"""Rules for dates, times, ranges and telephone numbers. Each takes folded text and leaves other figures."""

from __future__ import annotations

import functools
import re

from models.frontend.text.spoken_numbers import BEFORE, NUMBER, counted, digits, form_of, value_of, whole
from models.frontend.text.vocabulary import Vocabulary

_ISO = re.compile(rf"{BEFORE}(\d{{4}})-(\d\d)-(\d\d)(?![\w-]|[.,]\d)")
_FIGURES = (
    r"(?:\b(?P<before>[^\W\d_]+) )?(?<![\w.,/-])(?P<day>\d{1,2})(?P<mark>[./-]) ?(?P<month>\d{1,2})"
    r"(?P=mark)(?: ?(?P<year>\d{4}|\d\d)(?![\w/-]|[.,]\d)|(?<=\.)(?! ?\d))"
)
_RANGE = re.compile(rf"{BEFORE}(?<!:)({NUMBER})(\.?) ?[-–—~] ?({NUMBER})(?![\w-]|[.,:]?\d)")
_DURATION = re.compile(rf"{BEFORE}(\d{{1,3}}) ?h ?([0-5]?\d) ?(?:min|mn)\b")
_SHORT_YEARS = re.compile(r"(?:1[1-9]|20)(\d\d) ?[-–—] ?(\d\d)")
_SPLIT_YEAR = re.compile(rf"{BEFORE}(1[5-9]\d\d|20\d\d)/(\d\d)(?![\w/])")
_RATIO = re.compile(rf"{BEFORE}(\d{{1,3}}) ?: ?(\d{{1,3}}(?:[. ]\d{{3}})+|\d{{1,7}})(?![\w:]|[.,]\d)")
_PHONE = re.compile(
    r"(?<![\w,.+])(?P<number>(?:\+\d{1,3}|\(?0\d{1,5}\)?)(?:[ /().-]{0,2}\d{1,9})+)(?!\w|[.,]\d|[/:-]\d)"
)
_DIGITS_OF_A_PHONE = range(7, 16)
_MOST_SCORED = 100
_CENTURY = 50
"""Two figures of a year from here on are of the last century."""


def expand_iso_dates(text: str, words: Vocabulary) -> str:
    """ "2021-05-03" """

    def _iso(match: re.Match[str]) -> str:
        return _date(int(match[3]), int(match[2]), match[1], "", words) or match[0]

    return _ISO.sub(_iso, text)


def expand_figure_dates(text: str, words: Vocabulary) -> str:
    """ "3.5.2021", "3. 5. 2021", "03/05/2021", "3.5." """

    def _figures(match: re.Match[str]) -> str:
        before = match["before"] or ""
        mark, year = match["mark"], match["year"]
        if (year is None and mark != ".") or (mark == "-" and len(year) == len("21")):
            return match[0]
        said = _date(int(match["day"]), int(match["month"]), year, before, words)
        if said is None:
            return match[0]
        at_end = year is None and not match.string[match.end() :].strip()
        return f"{before} {said}".strip() + ("." if at_end else "")

    return _figure_date(words).sub(_figures, text)


@functools.cache
def _figure_date(words: Vocabulary) -> re.Pattern[str]:
    return re.compile(f"{_FIGURES}(?:{words.year_mark})?" if words.year_mark else _FIGURES)


def expand_month_dates(text: str, words: Vocabulary) -> str:
    """ "3 mai 2021", "3 de mayo de 2021" """

    def _named(match: re.Match[str]) -> str:
        before = match["before"] or ""
        month = _month_names(words)[match["month"].casefold()]
        said = _date(int(match["day"]), month, match["year"], before, words)
        return match[0] if said is None else f"{before} {said}".strip()

    return _month_date(words).sub(_named, text)


@functools.cache
def _month_date(words: Vocabulary) -> re.Pattern[str]:
    names = "|".join(sorted(map(re.escape, _month_names(words)), key=len, reverse=True))
    joining = r"(?: de| d'| di| del)?"
    year_mark = f"(?:{words.year_mark})?" if words.year_mark else ""
    return re.compile(
        rf"(?:\b(?P<before>[^\W\d_]+) )?{BEFORE}(?P<day>\d{{1,2}})(?:\.|°|er|o|e)?"
        rf"{joining} ?(?P<month>{names})\b\.?"
        rf"(?:{joining} (?P<year>\d{{4}})(?!\w|[.,:]\d){year_mark})?",
        re.I,
    )


@functools.cache
def _month_names(words: Vocabulary) -> dict[str, int]:
    return {name.casefold(): number for number, name in enumerate(words.months, 1)}


def _date(day: int, month: int, year: str | None, before: str, words: Vocabulary) -> str | None:
    """A date in words, or None where there is no such day."""
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return None
    name = words.months[month - 1]
    said_day = words.day(day, before, name)
    if year is None:
        return words.date_without_year.format(day=said_day, month=name)
    return words.date.format(day=said_day, month=name, year=_year(year, words))


def _year(figures: str, words: Vocabulary) -> str:
    value = int(figures)
    if len(figures) == 2:
        value += 1900 if value >= _CENTURY else 2000
    return words.year(value) if words.year else whole(value, words)


def expand_durations(text: str, words: Vocabulary) -> str:
    """ "1 h 30 min", which is no time of day."""
    hour, minute = words.units.get("h"), words.units.get("min")
    if hour is None or minute is None:
        return text
    return _DURATION.sub(
        lambda match: f"{counted(match[1], hour, words)} {counted(match[2], minute, words)}", text
    )


def expand_times(text: str, words: Vocabulary) -> str:
    """ "14:30", "14h30", "8.30 Uhr", seconds left out where they are 00."""
    clock = words.clock

    def _time(match: re.Match[str]) -> str:
        if match["separator"] == "." and not (match["mark"] or match["before"]):
            return match[0]
        hour, minute, seconds = int(match["hour"]), int(match["minute"]), match["seconds"]
        hours = whole(hour, words, clock.hour.gender)
        minutes = counted(str(minute), clock.minute, words) if clock.minute else whole(minute, words)
        template = clock.past if minute else clock.marked if match["mark"] else clock.full
        said = template.format(hours=hours, hour=form_of(str(hour), clock.hour, words), minutes=minutes)
        said = f"{said} {whole(int(seconds), words)}" if seconds and int(seconds) else said
        return (match["before"] or "") + said

    return _clock_time(words).sub(_time, text)


@functools.cache
def _clock_time(words: Vocabulary) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<before>\b{words.clock.before} )?{BEFORE}(?<!:)(?P<hour>[01]?\d|2[0-4]) ?"
        rf"(?P<separator>[:.h]) ?(?P<minute>[0-5]\d)(?!\d)"
        rf"(?::(?P<seconds>[0-5]\d)(?!\d))?(?P<mark>{words.clock.mark})?(?![\w:]|[.,]\d)"
    )


def expand_ranges(text: str, words: Vocabulary) -> str:
    """The sign between two numbers: "5-7", "1939–1945", "8.30-9.45 Uhr"; backwards it is a score ("3-2").

    The figures stay, so that what they count is read with them.
    """

    def _between(match: re.Match[str]) -> str:
        first, last = value_of(match[1], words), value_of(match[3], words)
        between = words.to
        years = _SHORT_YEARS.fullmatch(match[0])
        is_years = years is not None and years[1] < years[2]
        if not is_years and first is not None and last is not None and first >= last and last < _MOST_SCORED:
            between = words.minus if f"{match[1]} " in match[0] else words.ratio
            if between == words.ratio and first == int(first) and last == int(last) and not match[2]:
                return _ratio(int(first), int(last), between, words)
        return f"{match[1]}{match[2]} {between} {match[3]}"

    text = _dotted_range(words).sub(_with_colons, text)
    text = _clock_range(words).sub(lambda match: f"{match[1] or match[2]} {words.to} ", text)
    text = _RANGE.sub(_between, text)
    return _SPLIT_YEAR.sub(r"\1 \2", text)


def _with_colons(match: re.Match[str]) -> str:
    """A range of dotted times, which what stands before or after it tells from numbers."""
    if not (match["mark"] or match["before"]):
        return match[0]
    begins, ends = (match[name].replace(".", ":") for name in ("begins", "ends"))
    return f"{match['before'] or ''}{begins}-{ends}{match['mark'] or ''}"


@functools.cache
def _dotted_range(words: Vocabulary) -> re.Pattern[str]:
    time = r"(?:[01]?\d|2[0-4])\.[0-5]\d"
    return re.compile(
        rf"(?P<before>\b{words.clock.before} )?{BEFORE}(?P<begins>{time}) ?[-–—] ?(?P<ends>{time})(?!\d)"
        rf"(?P<mark>{words.clock.mark})?(?![\w:]|[.,]\d)"
    )


@functools.cache
def _clock_range(words: Vocabulary) -> re.Pattern[str]:
    time, marked = rf"\d{{1,2}}[:.h]\d\d(?:{words.clock.mark})?", rf"\d{{1,2}}(?:{words.clock.mark})"
    return re.compile(
        rf"{BEFORE}({time}|{marked}) ?[-–—] ?(?={time}|{marked})"
        r"|(?<![\w,.])(\d{1,2}[:h]\d\d) ?[-–—] ?(?=\d{1,2}(?![\d.,:]))"
    )


def expand_ratios(text: str, words: Vocabulary) -> str:
    """ "2:1", where it is no time, and a map's "1:50.000"."""
    return _RATIO.sub(
        lambda match: _ratio(int(match[1]), int(re.sub(r"[. ]", "", match[2])), words.ratio, words), text
    )


def _ratio(first: int, second: int, between: str, words: Vocabulary) -> str:
    """In words: neither figure counts the noun that follows ("3:1 gewonnen")."""
    return f"{whole(first, words)} {between} {whole(second, words)}"


def expand_phones(text: str, words: Vocabulary) -> str:
    """Telephone numbers figure by figure, in pairs where the language does so.

    They begin with 0 or +, stand after a word for them, or are grouped as those of the country are.
    """

    def _phone(match: re.Match[str]) -> str:
        written = match["number"]
        if sum(figure.isdecimal() for figure in written) not in _DIGITS_OF_A_PHONE:
            return match[0]
        return f"{match[0][: match.start('number') - match.start()]}{_dialled(written, words)}"

    for pattern in (_after_phone_word(words), _national_phone(words), _PHONE):
        text = pattern.sub(_phone, text)
    return text


@functools.cache
def _after_phone_word(words: Vocabulary) -> re.Pattern[str]:
    return re.compile(rf"\b{words.phone_words} ?(?P<number>\+?\d(?:[ /().-]{{0,2}}\d)+)")


@functools.cache
def _national_phone(words: Vocabulary) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.,+/-])(?<!\d )(?P<number>{words.phone})(?![\w/-]|[.,]\d| \d)")


def _dialled(written: str, words: Vocabulary) -> str:
    plus = words.signs.get("+", "") if written.startswith("+") else ""
    if not words.phone_in_pairs:
        return f"{plus} {digits(written, words)}".strip()
    groups = re.findall(r"\d+", written)
    pairs = [pair for group in groups for pair in re.findall(r"\d\d|\d", group)]
    said = (digits(pair, words) if pair[0] == "0" else whole(int(pair), words) for pair in pairs)
    return f"{plus} {' '.join(said)}".strip()
