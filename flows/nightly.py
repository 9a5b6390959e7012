"""The deployment `voice-finetune/nightly`: take in new recordings, retrain, let what is better go live."""

from __future__ import annotations

from pathlib import Path

from prefect import State, flow
from prefect.runtime import flow_run

from configs.errors import UserError
from flows.night import Night
from flows.prefect_glue import given_name, run_log, stoppable, tell_in_one_line
from flows.voice_finetune import workspace_folder
from tasks.nights.kept import KILLED, one_night
from tasks.nights.listed import read_nights
from tasks.voice import Request


def _name() -> str:
    """`night · anna, bert`, or of all voices, unless it was given a name."""
    return given_name() or f"night · {', '.join(flow_run.parameters.get('only') or ['all voices'])}"


@flow(name="voice-finetune", flow_run_name=_name, persist_result=False)
def nightly(only: list[str] = [], workspace: str | None = None) -> State[None] | None:  # noqa: B006
    """Bring the voices of the nightly list up to date with their recordings, and tell what came of it.

    Each is made by the recipe that was frozen when it came onto the list. A voice without new recordings is
    found done, stage by stage, and costs seconds. A voice that cannot be made, or that another run works on,
    does not keep the others from it; the run fails at the end and names it, and its champion stays. Nothing
    is begun where the disk has too little room. The digest lies in the workspace's folder `nights` and is
    sent by the blocks that the list names.

    Args:
        only: voices of the list to look at; all of them when empty.
        workspace: folder of the store, runs and voices; the worker's own when left out.

    Raises:
        UserError: a voice could not be made, or another night is at work.
        MachineError: the disk has too little room.
    """
    tell_in_one_line()
    place = workspace_folder(workspace)
    requests = _listed(place, only)
    run_log().info("%d voices on the nightly list of %s", len(requests), place)

    def make() -> None:
        with one_night(place):
            night = Night(place, requests)
            for folder in night.close_killed():
                run_log().warning("%s: %s", folder.name, KILLED)
            failed = night.run()
        if failed:
            raise UserError("; ".join(f"{name}: {why}" for name, why in failed.items()))

    return stoppable(make)


def _listed(workspace: Path, only: list[str]) -> list[Request]:
    """What is asked for of the voices to look at.

    Raises:
        UserError: one that is asked for is not on the list.
    """
    known = read_nights(workspace)
    for name in only:
        if name not in known:
            raise UserError(
                f"only: {name!r} is not on the nightly list ({', '.join(known) or 'which is empty'}); "
                f"`voicewright nightly add {name}`"
            )
    return [known[name] for name in only or known]
