"""Blind listening tests: `listening make`, `listening import`, `listening results`."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path

import typer

from artifacts.faults import writing
from artifacts.store import write_atomically
from configs.errors import UserError
from flows.commands.shared import JSON, console, print_json, session, warn
from tasks.pipeline import Pipeline
from tasks.versions.folders import folder_of, split_name
from tasks.versions.record import now
from tasks.voice import open_pipeline, remembered

listening_app = typer.Typer(
    help="Blind listening tests: a page for raters, and what they answer.", no_args_is_help=True
)


class Kind(StrEnum):
    """What raters are asked."""

    AB = "ab"
    ABX = "abx"
    MUSHRA = "mushra"


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(listening_app, name="listening")


@listening_app.command("make")
def make(
    context: typer.Context,
    names: list[str] = typer.Argument(
        ..., metavar="NAME[@N]|FOLDER...", help="Voices, versions, or folders with a recording per sentence."
    ),
    output: Path = typer.Option(Path("listening.html"), "--output", "-o", help="The page for raters."),
    kind: Kind = typer.Option(
        Kind.AB, "--kind", "-k", help="Which is preferred, which of two X is, or scores of 0 to 100."
    ),
    sentences: int = typer.Option(10, "--sentences", min=1, max=60, help="How many sentences at most."),
    held_out: bool = typer.Option(
        False, "--held-out", help="Say the first voice's held-out clips, beside their recordings."
    ),
    reference: Path | None = typer.Option(
        None, "--reference", help="Folder of recordings of the same sentences, the hidden reference."
    ),
    repeats: int = typer.Option(
        12,
        "--repeats",
        min=0,
        help="How many questions are asked twice: whether raters agree with themselves.",
    ),
    seed: int = typer.Option(0, "--seed", help="Of what is said, of hidden names, of what is asked twice."),
    name: str | None = typer.Option(None, "--name", help="Of the test; raters see it."),
) -> None:
    """Write a page with which anyone can judge voices blind; who is who stays in the workspace."""
    from tasks.listening_tests.making import make_test
    from tasks.listening_tests.record import write_key
    from tasks.listening_tests.sources import systems_of

    workspace = session(context).workspace
    given = _given(workspace, names)
    _check(workspace, name, reference)
    recorded = _recorded(workspace, names) if held_out else None
    said, systems = systems_of(given, sentences, seed, lambda one: warn(f"{one} speaks"), recorded, reference)
    key, page = make_test(kind.value, said, systems, now(), repeats, name, seed)
    write_key(workspace, key)
    with writing(output.parent):
        write_atomically(output, page.encode("utf-8"))
    console.print(str(output.resolve()), markup=False, soft_wrap=True)
    asked = f"{len(key['trials'])} question{'s' * (len(key['trials']) != 1)}"
    then = "send the page to raters, and take their files in with `voicewright listening import`"
    console.print(f"{key['test']}: {asked}; {then}", markup=False, soft_wrap=True)


@listening_app.command("import")
def take_in(
    context: typer.Context,
    files: list[Path] = typer.Argument(..., metavar="FILE...", help="What raters saved from the page."),
) -> None:
    """Take raters' answers into the workspace; a file that is not whole is refused."""
    from tasks.listening_tests.results import import_answers

    workspace = session(context).workspace
    for path in files:
        key, answers, is_new = import_answers(path, workspace)
        what = "taken in" if is_new else "was there already"
        console.print(f"{key['test']}: {answers.rater}, {len(answers.answers)} answers: {what}", markup=False)


@listening_app.command("results")
def results(
    context: typer.Context,
    test: str = typer.Argument(..., help="Name of the test."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Write a page here."),
    as_json: bool = JSON,
) -> None:
    """What the answers come to: preferences or scores with intervals, tests, and raters to be doubted."""
    from tasks.listening_tests.pages import outcome_page
    from tasks.listening_tests.record import read_key
    from tasks.listening_tests.results import all_answers
    from tasks.listening_tests.summary import in_words, summarise

    workspace = session(context).workspace
    key = read_key(workspace, test)
    answers = list(all_answers(workspace, test))
    if not answers:
        raise UserError(f"{test}: nobody has answered yet; `voicewright listening import FILE...`")
    summary = summarise(key, answers)
    if output is not None:
        with writing(output.parent):
            write_atomically(output, outcome_page(summary).encode("utf-8"))
    if as_json:
        return print_json(asdict(summary) | {"words": in_words(summary)})
    for line in in_words(summary):
        console.print(line, markup=False, soft_wrap=True)
    if output is not None:
        console.print(str(output.resolve()), markup=False, soft_wrap=True)
    return None


def _check(workspace: Path, name: str | None, reference: Path | None) -> None:
    from tasks.listening_tests.record import is_test_name, tests

    if name is not None and (not is_test_name(name) or name in tests(workspace)):
        raise UserError(
            f"--name: {name!r} is taken or no name; use letters, digits, - and _ (at most 64), and "
            "another name than any test here has"
        )
    if reference is not None and not reference.is_dir():
        raise UserError(f"--reference: {reference} is no folder; name one with a recording per sentence")


def _recorded(workspace: Path, names: list[str]) -> Pipeline:
    """The pipeline of the first voice, whose held-out clips are said."""
    first = next((one for one in names if not Path(one).is_dir()), None)
    if first is None:
        raise UserError("--held-out: no voice is named whose clips could be said; use --reference FOLDER")
    return open_pipeline(workspace, remembered(workspace, split_name(first)[0]))


def _given(workspace: Path, names: list[str]) -> dict[str, Path]:
    """Name that results show -> folder of a voice, or of recordings."""
    found: dict[str, Path] = {}
    for one in names:
        if Path(one).is_dir():
            name, folder = Path(one).resolve().name, Path(one)
        else:
            remembered(workspace, split_name(one)[0])
            name, folder = one, folder_of(workspace, one)
        if name in found:
            raise UserError(f"{one}: {name} is named twice; give the folders different names")
        found[name] = folder
    return found
