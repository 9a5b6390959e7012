"""Before a training: `advise`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from configs.loading import resolve
from flows.commands.shared import JSON, command_line, console, print_facts, print_json, session, warn
from flows.forecast import told
from tasks.advice.presets import amount
from tasks.voice import recordings_at

if TYPE_CHECKING:
    from tasks.advice.estimate import Estimate
    from tasks.advice.machine import Machine
    from tasks.advice.presets import Advice
    from tasks.advice.recordings import Recordings, Sound

SHOWN_WARNINGS = 3


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(advise)


def advise(
    context: typer.Context,
    recordings: Path = typer.Argument(..., help="Folder of recordings, or one recording."),
    overrides: list[str] | None = typer.Option(
        None, "--set", "-s", metavar="a.b=c", help="One setting; may be repeated."
    ),
    as_json: bool = JSON,
) -> None:
    """Which preset fits these recordings and this machine, why, how long it takes, what would be better."""
    from tasks.advice.estimate import Speech, estimate
    from tasks.advice.machine import look_at_machine
    from tasks.advice.presets import advise as chosen
    from tasks.advice.recordings import look_at_recordings
    from tasks.advice.throughput import read_throughput
    from tasks.languages import check_language
    from tasks.stages import stages_of

    workspace = session(context).workspace
    place = recordings_at(recordings)
    settings = resolve(overrides=tuple(overrides or ())).settings
    check_language(settings)
    found = look_at_recordings(place, settings.corpus, workspace / "cache" / "digests.json")
    machine = look_at_machine(workspace)
    advice = chosen(found, machine, workspace)
    known = read_throughput(workspace)
    speech = Speech(found.seconds, found.clips, len(found.speakers))
    estimates = {}
    for choice in advice.all:
        preset = choice.purpose.preset
        own = resolve(preset, overrides=tuple(overrides or ())).settings
        estimates[preset] = estimate(own, speech, machine, known, [one.name for one in stages_of(own).all])
    if as_json:
        return print_json(_as_json(place, found, machine, advice, estimates))
    _print(place, found, machine)
    _print_advice(workspace, place, machine, advice, estimates)
    return None


def _as_json(
    place: Path, found: Recordings, machine: Machine, advice: Advice, estimates: dict[str, Estimate]
) -> dict[str, Any]:
    return {
        "recordings": {
            "place": str(place),
            **found._asdict(),
            "sound": found.sound._asdict() if found.sound else None,
        },
        "machine": machine._asdict(),
        "take": advice.take.purpose.preset if advice.take else None,
        "better": advice.better.purpose.preset if advice.better else None,
        "presets": [
            {
                "preset": one.purpose.preset,
                "gives": one.purpose.gives,
                "lacks": one.lacks,
                "unproven": one.unproven,
                "to_fetch": one.to_fetch,
                "fetch_mb": one.fetch_mb,
                **estimates[one.purpose.preset]._asdict(),
            }
            for one in advice.all
        ],
    }


def _print(place: Path, found: Recordings, machine: Machine) -> None:
    from configs.languages import language_name

    texts = {found.files: "all with transcripts", 0: "without transcripts"}.get(
        found.with_text, f"{found.with_text} with transcripts"
    )
    by = {"set": "as set", "list": "by the list", "texts": "by the texts"}
    language = (
        f"{language_name(found.language)}, {by[found.how_known]}"
        if found.language
        else "language unknown: say it with --set language=NAME"
    )
    n_speakers = len(found.speakers)
    facts = [
        ("recordings", str(place)),
        ("", f"{found.files} recordings, {amount(found.seconds)}, {texts}"),
        ("", f"{n_speakers} speaker{'s' * (n_speakers > 1)}; {language}"),
    ]
    if found.unmeasured:
        facts.append(("", f"{found.unmeasured} of unknown length, which are not counted"))
    if found.refused:
        facts.append(("", f"{found.refused} files cannot be used; a run names each, with the remedy"))
    if found.sound is not None:
        facts.append(("sound", _sound(found.sound)))
    gpu = f"{machine.gpu} with {machine.gpu_gb:.0f} GB" if machine.gpu else "no GPU that torch sees"
    memory = f"{machine.memory_gb:.0f} GB of memory ({machine.free_gb:.0f} free)"
    facts.append(
        ("machine", f"{machine.cores} cores, {memory}, {gpu}, {machine.disk_gb:.0f} GB of disk free")
    )
    print_facts(facts)
    for warning in found.warnings[:SHOWN_WARNINGS]:
        warn(warning)


def _sound(sound: Sound) -> str:
    """What was heard in a few recordings, against what the stage `screen` warns of and refuses."""
    limits = resolve().settings.corpus.screen
    said = [f"signal-to-noise {sound.snr_db:.0f} dB"]
    if sound.snr_db < limits.min_snr_db:
        said[-1] += " (too noisy: most clips will be refused)"
    elif sound.snr_db < limits.warn_snr_db:
        said[-1] += " (noisy)"
    if sound.reverberation_s is not None:
        much = " (a roomy sound, which the voice will have too)"
        said.append(
            f"reverberation {sound.reverberation_s:.1f} s"
            + (much if sound.reverberation_s > limits.warn_reverberation_s else "")
        )
    if sound.bandwidth_hz < limits.warn_bandwidth_hz:
        said.append(f"nothing above {sound.bandwidth_hz / 1000:.1f} kHz, as over a telephone")
    if sound.clipping_ratio > limits.warn_clipping_ratio:
        said.append(f"{sound.clipping_ratio:.1%} clipped")
    return ", ".join(said)


def _print_advice(
    workspace: Path, place: Path, machine: Machine, advice: Advice, estimates: dict[str, Estimate]
) -> None:
    take, better = advice.take, advice.better
    if take is None:
        print_facts([("take", "no preset: there is too little speech for any")])
    else:
        preset = take.purpose.preset
        facts = [("take", f"{preset}: {take.purpose.gives}")]
        facts += [("", f"it wants {lack}; nothing else speaks words here") for lack in take.lacks]
        facts += [("", take.unproven)] if take.unproven else []
        print_facts([*facts, ("time", told(estimates[preset], machine))])
        if take.to_fetch:
            fetch = command_line(workspace, "models", "fetch", *take.to_fetch)
            _command("first", f"{fetch}    # {take.fetch_mb} MB")
        words = ("finetune", str(place), "--voice", "NAME", "--preset", preset)
        _command("then", command_line(workspace, *words))
    if better is not None:
        fetched = f"; {better.fetch_mb} MB of weights to fetch" if better.to_fetch else ""
        wants = " and ".join(better.lacks) or "nothing more"
        print_facts(
            [("better", f"{better.purpose.preset} needs {wants}{fetched}"), ("", better.purpose.gives)]
        )


def _command(what: str, line: str) -> None:
    """A line to copy, which is never broken."""
    console.print(f"[bold]{what:<11}[/]{escape(line)}", soft_wrap=True)
