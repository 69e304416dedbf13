"""`synth run`: what is new or changed, through all stages, then a release; every run is seen in the Dagster UI.

Runs go through the project's Dagster instance, in this process. A batch that fails does not stop the others; a release
is then refused unless asked for. A run of ours that died is found first, marked as failed, and its pool slot freed:
otherwise every later run would wait for it for ever.
"""

import logging
import os
import signal
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from synth_dagster.cli.erase import go_on
from synth_dagster.cli.progress import TerminalProgress
from synth_dagster.cli.project import Project, open_project
from synth_dagster.cli.status import print_summary
from synth_dagster.cli.terminal import Terminal
from synth_dagster.errors import ExitCode, SynthError, UnknownName
from synth_dagster.governance.openlineage.events import Scene
from synth_dagster.governance.openlineage.sending import beside, namespace_of
from synth_dagster.governance.report import has_report
from synth_dagster.lake.leases import Holder
from synth_dagster.recipe import Recipe
from synth_dagster.runner.causes import causes_of
from synth_dagster.runner.context import OUTCOME_TAG, SESSION_TAG, RunContext, SessionProgress, TeacherSource
from synth_dagster.runner.dead_runs import (
    free_dead_runs,
    free_slots_of_dead_runs,
    making,
    process_tags,
    slots_handed_on,
)
from synth_dagster.runner.licences import misfits
from synth_dagster.runner.plan import Plan, plan_batches, retire_surplus
from synth_dagster.runner.release import check_name
from synth_dagster.runner.release_inputs import is_released, release_inputs
from synth_dagster.runner.stage import seldom_collected
from synth_dagster.runner.todo import tables_of_wave, wave_of_work

if TYPE_CHECKING:
    import dagster as dg

log = logging.getLogger(__name__)

SILENT = {
    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}
}  # the UI has the log; the terminal has progress
ENDS = {"over_budget": ExitCode.OVER_BUDGET}


@dataclass
class Told:
    """What a session came to: causes for a person, and how the command ends."""

    made: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    cures: list[str] = field(default_factory=list)  # what may be done about the causes
    pending: list[str] = field(default_factory=list)  # what waits for provider batches
    ends: set[ExitCode] = field(default_factory=set)

    def exit_code(self) -> ExitCode:
        """Over budget and pending have codes of their own, unless something really failed."""
        if not self.causes:
            return ExitCode.PENDING if self.pending else ExitCode.DONE
        return self.ends.pop() if len(self.ends) == 1 else ExitCode.FAILED

    def outcome(self) -> str:
        return "failed" if self.causes else "pending" if self.pending else "done"


def run_recipe(
    given: Path | None,
    name: str | None,
    *,
    batches: Sequence[str],
    release: str | None,
    allow_missing: bool,
    retry_rejects: bool,
) -> int:
    """Run a recipe and print what was made. Returns the exit code."""
    console = Terminal()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite end is one, whoever asks for it
    project = open_project(given)
    recipe = project.recipe(name)
    go_on(project, console)
    quiet_dagster()
    gateway = project.environment.gateway(os.environ)
    gateway.admit(recipe)
    for sentence in misfits(recipe, gateway.identities(recipe)):
        console.print(f"[yellow]{escape(sentence)}[/yellow]", highlight=False)
    with gateway as teachers, project.instance() as instance, TerminalProgress(console) as progress:
        session = Session(project, recipe, instance, teachers, progress, retry_rejects=retry_rejects)
        with session.told(), slots_handed_on(instance):
            told = session.run(batches, release, allow_missing=allow_missing)
    print_summary(
        console, project, recipe.dataset, made=told.made, causes=told.causes, cures=told.cures, pending=told.pending
    )
    return int(told.exit_code())


def quiet_dagster() -> None:
    """The terminal gets our lines; Dagster's own stand in the UI. Warnings of beta features are known."""
    import warnings

    import dagster as dg

    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    warnings.filterwarnings("ignore", category=dg.PreviewWarning)
    logging.getLogger("dagster").setLevel(logging.CRITICAL)


class Session:
    """One `synth run`."""

    def __init__(
        self,
        project: Project,
        recipe: Recipe,
        instance: "dg.DagsterInstance",
        teachers: TeacherSource,
        progress: SessionProgress,
        *,
        retry_rejects: bool = False,
    ) -> None:
        self.project, self.recipe, self.instance = project, recipe, instance
        self.progress = progress
        self.id = uuid.uuid4().hex
        module = project.definitions
        self.definitions: dg.Definitions = module.build(
            project.root, recipes=[recipe], progress=progress, teachers=teachers
        )
        self.jobs = {"batch": module.batch_job(recipe.dataset), "release": module.release_job(recipe.dataset)}
        self.context = RunContext(
            recipe=recipe,
            lake=project.lake,
            teachers=teachers,
            places=project.environment.places,
            run_id=self.id,
            session_id=self.id,
            retry_rejects=retry_rejects,
        )

    def told(self) -> AbstractContextManager[object]:
        """Tells an OpenLineage receiver what the runs do, where one is configured."""
        scene = Scene(
            lake=self.context.lake,
            recipes={self.recipe.dataset: self.recipe},
            places=self.context.places,
            namespace=namespace_of(os.environ),
        )
        return beside(self.instance, scene, self.project.root)

    def run(self, batches: Sequence[str], release: str | None, *, allow_missing: bool) -> Told:
        lake, dataset = self.context.lake, self.recipe.dataset
        lake.meta.store_recipe(dataset, self.recipe.text)
        me = Holder.me()
        lake.sessions.start(self.id, dataset, pid=me.pid, host=me.host)
        told = Told()
        outcome = "failed"
        try:
            if free_dead_runs(self.instance):
                lake.sweep()  # only what is killed leaves files behind
            plan = plan_batches(self.context)
            retire_surplus(self.context)
            self._make_batches(self._chosen(plan, batches), told)
            if not batches:
                self._make_release(release, allow_missing, told)
            outcome = told.outcome()
        except KeyboardInterrupt:
            outcome = "stopped"
            raise
        finally:
            lake.sessions.end(self.id, outcome)
        return told

    def _chosen(self, plan: Plan, batches: Sequence[str]) -> list[str]:
        known = [batch.batch for batch in plan.active]
        for batch in batches:
            if batch not in known:
                raise UnknownName(f"batch of {self.recipe.dataset}", batch, known, "'synth status' lists them.")
        if not known:
            raise SynthError(f"The sources of '{self.recipe.dataset}' hold nothing to read. Add a file or a source.")
        return list(batches) or known

    def _make_batches(self, batches: Sequence[str], told: Told) -> None:
        self._add_partitions("batch", batches)
        for number, stages in enumerate(waves := self.recipe.waves):
            part = None if len(waves) == 1 else tables_of_wave(self.recipe, number)
            for place, batch in enumerate(batches, start=1):
                if wave_of_work(self.context, batch) == number:
                    self.progress.begin(batch, place, len(batches))
                    self._launch("batch", batch, told, run_config=self._retrying(stages), only=part)
            if told.pending:
                return  # the next wave looks at all batches: it waits for them

    def _retrying(self, stages: Sequence[str]) -> Mapping[str, Any]:
        """What every stage is told when answers that could not be used are asked for again."""
        if not self.context.retry_rejects:
            return {}
        told = {"config": {"retry_rejects": True}}
        return {"ops": {f"{self.recipe.dataset}__{stage}": told for stage in stages}}

    def _make_release(self, release: str | None, allow_missing: bool, told: Told) -> None:
        inputs = release_inputs(self.context)
        is_whole = allow_missing or not inputs.missing
        there = is_released(self.context, inputs) if release is None and is_whole else None
        if there is not None and has_report(self.context.lake, self.recipe.dataset, there):
            return
        if not is_whole and told.pending and not told.causes:
            return  # the release comes when the batches are there
        if not is_whole:
            told.causes.extend(f"no release: batch {batch}: {why}" for batch, why in sorted(inputs.missing.items()))
            told.cures.append(f"Repair them, or release without them: synth run {self.recipe.dataset} --allow-missing")
            return
        name = release or there or self.context.lake.meta.next_release_name(self.recipe.dataset)
        check_name(name)
        self._add_partitions("release", [name])
        config = {
            "ops": {f"{self.recipe.dataset}__{self.recipe.mix.name}": {"config": {"allow_missing": allow_missing}}}
        }
        self._launch("release", name, told, run_config=config)

    def _job(self, which: str) -> "dg.JobDefinition":
        return self.definitions.resolve_job_def(self.jobs[which])

    def _add_partitions(self, which: str, keys: Sequence[str]) -> None:
        import dagster as dg

        growing = self._job(which).partitions_def
        assert isinstance(growing, dg.DynamicPartitionsDefinition) and growing.name
        # Dagster looks and then adds: of two runs at once one would add what the other just has
        with self.context.lake.lease("dagster", "exclusive"):
            self.instance.add_dynamic_partitions(growing.name, list(keys))

    def _launch(
        self,
        which: str,
        partition: str,
        told: Told,
        run_config: Mapping[str, Any] | None = None,
        only: Sequence[str] | None = None,
    ) -> None:
        """Run a job on a partition, or the part of it that makes these tables."""
        free_slots_of_dead_runs(self.instance)  # of the run before this one, too, if Dagster's disk was full at its end
        run_id = str(uuid.uuid4())
        with making(run_id):
            result = self._execute(which, partition, run_id, run_config or {}, only)
            if was_interrupted(result):
                self._mark_stopped(run_id)
                raise KeyboardInterrupt
        if result.success:
            told.made.append(f"{which} {partition}")
        else:
            self._tell_failure(f"{which} {partition}", result, told)

    def _execute(
        self, which: str, partition: str, run_id: str, run_config: Mapping[str, Any], only: Sequence[str] | None
    ) -> Any:
        import dagster as dg

        tags = {**process_tags(), SESSION_TAG: self.id}
        tags |= {"dataset": self.recipe.dataset, "recipe": self.recipe.hash}
        with seldom_collected():
            return self._job(which).execute_in_process(
                run_id=run_id,
                partition_key=partition,
                instance=self.instance,
                tags=tags,
                raise_on_error=False,
                run_config={**SILENT, **run_config},
                asset_selection=None if only is None else [dg.AssetKey([self.recipe.dataset, name]) for name in only],
            )

    def _tell_failure(self, what: str, result: Any, told: Told) -> None:
        run = self.instance.get_run_by_id(result.run_id)
        outcome = run.tags.get(OUTCOME_TAG, "") if run else ""
        causes = [f"{what}: {cause}" for cause in causes_of(result.all_events)]
        if outcome == "pending":
            told.pending.extend(causes)
        else:
            told.ends.add(ENDS.get(outcome, ExitCode.FAILED))
            told.causes.extend(causes)
            if any(self._is_of_answers(cause) for cause in causes):
                told.cures = [
                    f"Ask again for answers that were of no use: synth run {self.recipe.dataset} --retry-rejects"
                ]

    def _is_of_answers(self, cause: str) -> bool:
        """Whether too many answers could not be used; of a source it is lines, which nobody can be asked for again."""
        asking = (stage.name for stage in self.recipe.stages.values() if stage.reads is not None)
        return any(f"check {name}/few_answers_are_rejected failed" in cause for name in asking)

    def _mark_stopped(self, run_id: str) -> None:
        run = self.instance.get_run_by_id(run_id)
        if run is not None:
            self.instance.add_run_tags(run_id, {OUTCOME_TAG: "stopped"})
            self.instance.report_run_canceled(run, "Stopped in the terminal. The next run goes on where it stopped.")


def was_interrupted(result: Any) -> bool:
    """Whether Ctrl-C or a signal to end stopped a run. Dagster takes it for one of many failures and would go on."""
    from dagster._core.events import RunFailureReason  # nothing public names it

    ends = [event for event in result.all_events if event.event_type_value == "PIPELINE_FAILURE"]
    return any(event.job_failure_data.failure_reason == RunFailureReason.UNEXPECTED_TERMINATION for event in ends)
