"""The deployment `voice-finetune/nightly`: look for new recordings, retrain, promote what became better."""

from __future__ import annotations

from prefect import flow

from configs.errors import UserError
from flows.prefect_glue import run_log, tell_in_one_line
from flows.voice_finetune import make_voice, workspace_folder
from tasks.run_record import voices
from tasks.voice import remembered


@flow(name="voice-finetune", persist_result=False)
def nightly(only: list[str] = [], workspace: str | None = None) -> None:  # noqa: B006
    """Bring every voice of the workspace up to date with its recordings folder.

    A voice without new recordings is found done, stage by stage, and costs seconds. A voice that cannot be
    made does not keep the others from it; the run fails at the end and names it.

    Args:
        only: voices to look at; all that were ever made when empty.
        workspace: folder of the store, runs and voices; the worker's own when left out.

    Raises:
        UserError: a voice could not be made.
    """
    tell_in_one_line()
    place = workspace_folder(workspace)
    log = run_log()
    failed: dict[str, str] = {}
    names = only or voices(place)
    log.info("%d voices to look at in %s", len(names), place)
    for name in names:
        try:
            made = make_voice(place, remembered(place, name), promote=True)
        except UserError as error:
            failed[name] = str(error)
            log.error("%s: %s", name, error)
            continue
        new = next((one.rows_computed for one in made.results if one.name == "ingest"), 0)
        log.info("%s: %d new recordings", name, new)
    if failed:
        raise UserError("; ".join(f"{name}: {why}" for name, why in failed.items()))
