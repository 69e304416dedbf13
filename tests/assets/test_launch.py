"""A run that is launched from the UI: its worker uses the recipe as the code location had read it."""

import time

import dagster as dg
import pytest

from synth_dagster.runner.plan import plan_batches
from tests.assets.project import LINES, ONLY_CORPUS, small_project


@pytest.fixture
def workspace(tmp_path):
    """A project whose batch is planned, its instance, and a code server that has loaded its definitions."""
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import PythonFileTarget

    project = small_project(tmp_path / "p", ONLY_CORPUS)
    project.deliver(LINES)
    with project.answering() as teachers:
        plan_batches(project.context(teachers=teachers))
    target = PythonFileTarget(
        python_file=str(project.root / "definitions.py"),
        attribute=None,
        working_directory=str(project.root),
        location_name="project",
    )
    with project.instance() as instance, WorkspaceProcessContext(instance, target) as served:
        instance.add_dynamic_partitions("tiny_batches", ["notes:start"])
        yield project, instance, served.create_request_context()


def launched(instance, workspace, job_name, partition):
    """A run as the UI launches it: made from what the code server said, carried out by a worker process."""
    from dagster._core.test_utils import create_run_for_test

    (location,) = workspace.code_locations
    (repository,) = location.get_repositories().values()
    job = repository.get_full_job(job_name)
    tags = {"dagster/partition": partition}
    plan = location.get_execution_plan(job, {}, step_keys_to_execute=None, known_state=None, instance=instance)
    return create_run_for_test(
        instance,
        job_name=job_name,
        tags=tags,
        remote_job_origin=job.get_remote_origin(),
        job_code_origin=job.get_python_origin(),
        job_snapshot=job.job_snapshot,
        execution_plan_snapshot=plan.execution_plan_snapshot,
        parent_job_snapshot=job.parent_job_snapshot,
        asset_graph=repository.asset_graph,
    )


@pytest.mark.prove
def test_a_recipe_edited_between_launch_and_run_does_not_change_the_run(workspace):
    project, instance, served = workspace
    run = launched(instance, served, "tiny__batch", "notes:start")
    before = project.recipe("tiny").hash
    project.write_recipe(ONLY_CORPUS.replace("seed_corpus: []", "seed_corpus: [{gopher_quality: {min_words: 9000}}]"))
    assert project.recipe("tiny").hash != before
    instance.launch_run(run.run_id, served)
    deadline = time.monotonic() + 90
    while not (ended := instance.get_run_by_id(run.run_id)).is_finished:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert ended.status == dg.DagsterRunStatus.SUCCESS
    (made,) = project.candidates("seed_corpus")
    assert (made.recipe_hash, made.current) == (before, len(LINES))  # the edited recipe would have kept nothing
    assert project.lake.meta.recipe(before) == ONLY_CORPUS
