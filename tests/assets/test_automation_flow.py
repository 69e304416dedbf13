"""A batch flows on by itself when the gate above accepted it, and a release is made when it is asked for or due."""

from datetime import UTC, datetime

import dagster as dg
import pytest

import definitions
from tests.assets.automated import Ticks
from tests.assets.project import LINES, ONLY_CORPUS, TAUGHT, Programs, small_project
from tests.assets.teachers import Junk
from tests.scripted_teacher.echo import EchoTeacher

BAD = "Zzyx is a word that makes the teacher write nonsense in its answer."
TWO = TAUGHT.replace(
    "teachers:", "  - {name: letters, reader: files, path: inbox/letters/, license: CC0-1.0}\nteachers:"
)
CORPUS, INSTRUCTIONS = dg.AssetKey(["tiny", "seed_corpus"]), dg.AssetKey(["tiny", "generated_instructions"])
SIGNALS = dg.AssetKey(["tiny", "quality_signals"])


class Flow:
    """The conditions of a project, evaluated tick by tick, and stages made by hand in between."""

    def __init__(self, project, instance):
        self.project, self.instance, self.cursor = project, instance, None
        self.built = definitions.build(
            project.root, recipes=[project.recipe("tiny")], teachers=project.teachers, env={}
        )

    def requested(self):
        """One evaluation: which batches of which stages are asked for."""
        result = dg.evaluate_automation_conditions(self.built, self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        asked = {key: result.get_requested_partitions(key) for key in (INSTRUCTIONS, SIGNALS)}
        return {key.path[-1]: batches for key, batches in asked.items() if batches}

    def make(self, key, batch, *more):
        """Materialize stages with their gates, as a click does."""
        selection = dg.AssetSelection.assets(key, *more)
        job = self.built.resolve_implicit_global_asset_job_def()
        graph = job.asset_layer.asset_graph
        chosen = selection.resolve(graph)
        checks = {check for check in graph.asset_check_keys if check.asset_key in chosen}
        return job.get_subset(asset_selection=chosen, asset_check_selection=checks).execute_in_process(
            instance=self.instance, partition_key=batch, raise_on_error=False
        )


@pytest.fixture
def flow(tmp_path):
    project = small_project(tmp_path / "p", TWO, Programs(Junk("Zzyx")))
    project.deliver(LINES[:2])
    project.deliver([BAD], source="letters")
    from synth_dagster.runner.plan import plan_batches

    plan_batches(project.context())
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("tiny_batches", ["notes:start", "letters:start"])
        flow = Flow(project, instance)
        assert flow.requested() == {}
        yield flow


class TestConditions:
    def test_a_batch_goes_through_to_its_signals_in_one_request(self, flow):
        assert flow.make(CORPUS, "notes:start").success
        both = {"generated_instructions": {"notes:start"}, "quality_signals": {"notes:start"}}
        assert flow.requested() == both
        assert flow.requested() == {}  # once
        assert flow.make(INSTRUCTIONS, "notes:start", SIGNALS).success
        assert flow.requested() == {}

    def test_a_batch_that_its_gate_refused_stops_there_and_no_other_does(self, flow):
        for batch in ("notes:start", "letters:start"):
            flow.make(CORPUS, batch)
        assert set(flow.requested()["generated_instructions"]) == {"notes:start", "letters:start"}
        assert flow.requested() == {}  # these runs never came about; somebody makes the stage by hand instead
        assert flow.make(INSTRUCTIONS, "notes:start").success
        assert not flow.make(INSTRUCTIONS, "letters:start").success  # last, so the newest result of the check is bad
        assert flow.requested() == {"quality_signals": {"notes:start"}}
        assert flow.make(SIGNALS, "notes:start").success
        assert flow.requested() == {}

    def test_a_step_that_failed_is_not_tried_again_by_a_condition(self, flow):
        flow.make(INSTRUCTIONS, "letters:start")  # its corpus was never made: the step fails
        assert [flow.requested() for _ in range(3)] == [{}, {}, {}]

    def test_the_whole_job_leaves_nothing_for_the_conditions(self, flow):
        job = flow.built.resolve_job_def("tiny__batch")
        assert job.execute_in_process(instance=flow.instance, partition_key="notes:start").success
        assert [flow.requested() for _ in range(2)] == [{}, {}]


class TestSchedules:
    MONDAY = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)

    @pytest.fixture
    def ticks(self, tmp_path):
        project = small_project(tmp_path / "p", ONLY_CORPUS, Programs(EchoTeacher()))
        with project.instance() as instance:
            yield Ticks(project, instance)

    def due(self, ticks, name):
        schedule = ticks.built.resolve_schedule_def(f"tiny__{name}")
        resources = {"lake": ticks.project.lake, "teachers": ticks.project.teachers}
        needed = {key: resources[key] for key in schedule.required_resource_keys}
        with dg.build_schedule_context(
            instance=ticks.instance, scheduled_execution_time=self.MONDAY, resources=needed
        ) as context:
            return schedule(context)

    def test_every_night_all_sources_are_read(self, ticks):
        request = self.due(ticks, "nightly_ingest")
        assert request.run_config == {"ops": {"tiny__plan": {"config": {"sources": []}}}}
        assert request.tags["synth/nightly"] == "true"
        schedule = ticks.built.resolve_schedule_def("tiny__nightly_ingest")
        assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "UTC")

    def test_a_release_is_due_when_something_is_new_and_only_then(self, ticks):
        assert self.due(ticks, "weekly_release").skip_message == "No release: no batch is accepted yet."
        ticks.project.deliver(LINES)
        assert ticks.project.run(batches=["notes:start"]).causes == []
        request = self.due(ticks, "weekly_release")
        assert request.partition_key == "r0001"
        assert ticks.instance.has_dynamic_partition("tiny_releases", "r0001")
        job = ticks.built.resolve_job_def("tiny__release")
        assert job.execute_in_process(instance=ticks.instance, partition_key="r0001").success
        assert self.due(ticks, "weekly_release").skip_message == "Nothing is new since release r0001."

    def test_a_missing_batch_is_named_and_nothing_is_released(self, ticks):
        ticks.project.deliver(LINES)
        ticks.project.run(batches=["notes:start"])
        ticks.project.deliver(LINES[:2])
        from synth_dagster.runner.plan import plan_batches

        plan_batches(ticks.project.context())
        said = self.due(ticks, "weekly_release").skip_message
        assert "1 batches are missing (notes:start: 'seed_corpus' is of an older delivery)" in said
        assert "synth run --allow-missing" in said
        assert ticks.instance.get_dynamic_partitions("tiny_releases") == []


def test_what_is_made_weekly_is_expected_weekly(tmp_path):
    project = small_project(tmp_path / "p", ONLY_CORPUS, Programs(EchoTeacher()))
    built = definitions.build(project.root, recipes=[project.recipe("tiny")], teachers=project.teachers, env={})
    policies = {spec.key.path[-1]: spec.freshness_policy for spec in built.resolve_all_asset_specs()}
    assert {name for name, policy in policies.items() if policy is not None} == {"seed_corpus", "filtered_mix"}


def test_a_look_leaves_no_file_behind(tmp_path):
    """Dagster's own sensor writes one at each look: thousands in a night, which nobody removes."""
    project = small_project(tmp_path / "p", ONLY_CORPUS, Programs(EchoTeacher()))
    built = definitions.build(project.root, recipes=[project.recipe("tiny")], teachers=project.teachers, env={})
    repository = built.get_repository_def()
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        context = dg.SensorEvaluationContext(
            instance_ref=instance.get_ref(),
            last_tick_completion_time=None,
            last_run_key=None,
            cursor=None,
            log_key=["flow", "looks", "1"],
            repository_name=repository.name,
            repository_def=repository,
            sensor_name="tiny__flow",
        )
        with context:
            assert not repository.get_sensor_def("tiny__flow").evaluate_tick(context).run_requests
        assert [path for path in tmp_path.rglob("*") if "looks" in path.parts] == []
