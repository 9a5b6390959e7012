"""The deployment `voice-finetune/nightly`: take in new recordings, retrain, let what is better go live."""

from __future__ import annotations

from pathlib import Path

from prefect import flow

from configs.errors import UserError
from flows.prefect_glue import run_log, tell_in_one_line
from flows.voice_finetune import make_voice, workspace_folder
from tasks.versions.nights import read_nights


@flow(name="voice-finetune", persist_result=False)
def nightly(only: list[str] = [], workspace: str | None = None) -> None:  # noqa: B006
    """Bring the voices of the nightly list up to date with their recordings folders.

    Each is made by the recipe that was frozen when it came onto the list. A voice without new recordings is
    found done, stage by stage, and costs seconds. A voice that cannot be made, or that another run works on,
    does not keep the others from it; the run fails at the end and names it, and its champion stays.

    Args:
        only: voices of the list to look at; all of them when empty.
        workspace: folder of the store, runs and voices; the worker's own when left out.

    Raises:
        UserError: a voice could not be made.
    """
    tell_in_one_line()
    place = workspace_folder(workspace)
    log = run_log()
    names = _listed(place, only)
    log.info("%d voices on the nightly list of %s", len(names), place)
    failed: dict[str, str] = {}
    for name in names:
        try:
            made = make_voice(place, read_nights(place)[name], wait=False)
        except UserError as error:
            failed[name] = str(error)
            log.error("%s: %s", name, error)
            continue
        new = next((one.rows_computed for one in made.results if one.name == "ingest"), 0)
        log.info("%s: %d new recordings; %s", name, new, made.settled)
    if failed:
        raise UserError("; ".join(f"{name}: {why}" for name, why in failed.items()))


def _listed(workspace: Path, only: list[str]) -> list[str]:
    """The voices to look at.

    Raises:
        UserError: one that is asked for is not on the list.
    """
    known = list(read_nights(workspace))
    for name in only:
        if name not in known:
            raise UserError(
                f"only: {name!r} is not on the nightly list ({', '.join(known) or 'which is empty'}); "
                f"`voicewright nightly add {name}`"
            )
    return list(only) or known
