"""The worker of `up`: it runs this application's deployments and nothing else.

A flow run can bring along a command, a working directory or an environment for the process that runs it, and
its deployment an entrypoint and steps to pull its code; Prefect's own worker follows them. This one compares
what it is about to run with `prefect.yaml` and refuses the rest: the run is marked as crashed and says why.
What it accepts is started from this folder's files; the deployment, which may have changed by then, is not
read again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import yaml
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, WorkPool
from prefect.client.schemas.responses import DeploymentResponse, WorkerFlowRunResponse
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.runner._flow_run_executor import FlowRunExecutionResult, FlowRunExecutorContext
from prefect.runner._process_manager import ProcessHandle
from prefect.runner._starter_engine import EngineCommandStarter
from prefect.utilities.processutils import setup_signal_handlers_worker
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult
from pydantic import PrivateAttr

from configs.errors import UserError
from configs.loading import resolve

ROOT = Path(__file__).resolve().parent.parent
PLAIN = {"stream_output"}
"""Job variables that change nothing but what is logged."""


class RefusedRunError(Exception):
    """A flow run asks for something that is not in `prefect.yaml`; nothing of it was started."""


def own_entrypoints() -> frozenset[str]:
    """Entrypoints of the deployments in `prefect.yaml`."""
    described = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    return frozenset(deployment["entrypoint"] for deployment in described["deployments"])


def refuse_foreign(
    job_variables: Mapping[str, Any],
    deployment: DeploymentResponse | None,
    base_job_template: Mapping[str, Any],
) -> None:
    """See that a run is one of this application's deployments, run in this worker's own way.

    Args:
        job_variables: the run's own.
        deployment: that the run belongs to.
        base_job_template: of the work pool.

    Raises:
        RefusedRunError: it is not, and what is wrong.
    """
    brought = sorted({*job_variables, *(deployment.job_variables or {} if deployment else {})} - PLAIN)
    if brought:
        raise RefusedRunError(
            f"it brings job variables along ({', '.join(brought)}), which this worker refuses"
        )
    if deployment is None:
        raise RefusedRunError("it belongs to no deployment")
    if deployment.entrypoint not in own_entrypoints():
        raise RefusedRunError(f"its entrypoint {deployment.entrypoint!r} is none of prefect.yaml's")
    if deployment.path is not None and Path(deployment.path).resolve() not in (Path().resolve(), ROOT):
        raise RefusedRunError(f"its code lies in {deployment.path!r}, which is not this application")
    for step in deployment.pull_steps or []:
        if step != {"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}:
            raise RefusedRunError(f"it pulls its code by the step {', '.join(step)}")
    if deployment.storage_document_id or deployment.infrastructure_document_id:
        raise RefusedRunError("its code or infrastructure is a block")
    defaults = {
        name: described["default"]
        for name, described in base_job_template["variables"]["properties"].items()
        if described.get("default") not in (None, {}, "") and name not in PLAIN
    }
    configured = base_job_template["job_configuration"]
    fixed = [name for name, value in configured.items() if value != f"{{{{ {name} }}}}"]
    if defaults or fixed:
        names = ", ".join(sorted({*defaults, *fixed}))
        raise RefusedRunError(f"the work pool sets {names} for its runs; delete the pool and call `up` again")


def refuse_programs(parameters: Mapping[str, Any]) -> None:
    """See that a run's `overrides` name no program to execute; a configuration file of this machine may.

    Args:
        parameters: the run's, with its deployment's.

    Raises:
        RefusedRunError: they do, or are no list of texts.
    """
    overrides, preset, file = (parameters.get(name) for name in ("overrides", "preset", "config_file"))
    if not isinstance(overrides, list) or not all(isinstance(one, str) for one in overrides):
        if overrides is None:
            return
        raise RefusedRunError("its overrides are no list of texts")
    path = Path(file) if isinstance(file, str) else None
    named = preset if isinstance(preset, str) else None
    try:
        with_them, without = (resolve(named, path, some).settings for some in (overrides, ()))
    except UserError:
        return  # the flow says the same before it starts anything
    if with_them.features.align.mfa.executable != without.features.align.mfa.executable:
        raise RefusedRunError("its overrides name a program (features.align.mfa.executable); use config_file")


class OwnJobConfiguration(ProcessJobConfiguration):
    """How a run is started, once it is known to be one of ours."""

    _entrypoint: str = PrivateAttr(default="")

    @property
    def entrypoint(self) -> str:
        """File and function of the flow, in this folder."""
        return self._entrypoint

    @classmethod
    async def resolve_for_flow_run(
        cls,
        flow_run: FlowRun,
        *,
        client: PrefectClient,
        work_pool: WorkPool,
        worker_name: str,
        worker_id: Any = None,
        deployment: DeploymentResponse | None = None,
    ) -> OwnJobConfiguration:
        """As Prefect's own. Raises `RefusedRunError`, which fails the run before anything is started."""
        if deployment is None and flow_run.deployment_id:
            deployment = await client.read_deployment(flow_run.deployment_id)
        refuse_foreign(flow_run.job_variables or {}, deployment, work_pool.base_job_template)
        refuse_programs(flow_run.parameters)
        assert deployment is not None
        resolved = await super().resolve_for_flow_run(
            flow_run,
            client=client,
            work_pool=work_pool,
            worker_name=worker_name,
            worker_id=worker_id,
            deployment=deployment,
        )
        resolved._entrypoint = str(ROOT / str(deployment.entrypoint))
        return resolved


class OwnRunsWorker(ProcessWorker):
    """Prefect's process worker, for what `OwnJobConfiguration` lets through."""

    # Pools are of the type of Prefect's own worker, whose form they have.
    type = "process"
    job_configuration = OwnJobConfiguration

    @classmethod
    def __dispatch_key__(cls) -> str:
        """Beside Prefect's own worker in its registry, not in its place."""
        return "voicewright"

    async def _submit_scheduled_flow_runs(
        self, flow_run_response: list[WorkerFlowRunResponse]
    ) -> list[FlowRun]:
        """As Prefect's own, later for a run whose former process has not ended yet.

        A run that is retried within seconds still holds its place, and asking for it twice ends the worker.
        """
        holders = self.limiter.statistics().borrowers
        return await super()._submit_scheduled_flow_runs(
            [one for one in flow_run_response if one.flow_run.id not in holders]
        )

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """As Prefect's own, with the flow from the file that was compared.

        The parent reads entrypoint and pull steps from the server once more, long after the comparison.
        """
        assert isinstance(configuration, OwnJobConfiguration)
        entrypoint = configuration.entrypoint

        async def own_flow(_: FlowRun) -> Flow[..., Any]:
            return load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)

        done: list[FlowRunExecutionResult | None] = []
        async with FlowRunExecutorContext() as context:
            starter = EngineCommandStarter(
                entrypoint=entrypoint,
                cwd=ROOT,
                env=dict(configuration.env),
                stream_output=configuration.stream_output,
                control_channel=context.control_channel,
            )
            executor = context.create_executor(
                flow_run, starter, resolve_flow=own_flow, propose_submitting=False
            )

            async def execute(
                *, task_status: anyio.abc.TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED
            ) -> None:
                done.append(await executor.submit(task_status=task_status))

            async with anyio.create_task_group() as group:
                handle = await group.start(execute)
                if task_status is not None:
                    task_status.started(handle.pid)
        [result] = done
        if result is None or result.status_code is None:
            raise RuntimeError("the flow run's process did not start")
        return ProcessWorkerResult(status_code=result.status_code, identifier=str(result.handle.pid))


async def _work(pool: str, name: str, limit: int, with_healthcheck: bool) -> None:
    setup_signal_handlers_worker(os.getpid(), "the worker", print)
    worker = OwnRunsWorker(work_pool_name=pool, name=name, limit=limit)
    await worker.start(with_healthcheck=with_healthcheck)


def main() -> None:
    """Work until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pool", required=True, help="work pool; made where it is missing")
    parser.add_argument("--name", required=True, help="the worker's name on Prefect's pages")
    parser.add_argument("--limit", type=int, default=1, help="flow runs at a time")
    parser.add_argument(
        "--with-healthcheck", action="store_true", help="answer at port 8080 whether it works"
    )
    chosen = parser.parse_args()
    asyncio.run(_work(chosen.pool, chosen.name, chosen.limit, chosen.with_healthcheck))


if __name__ == "__main__":
    main()
