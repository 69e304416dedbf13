"""`synth run`, run after run: what is current is not made again, a cap holds, an edited suite counts."""

import json
from typing import Any

import dagster as dg
import pytest

import definitions
from expectations import suite as suites
from synth_dagster.errors import ExitCode, Pending
from tests.assets.project import LINES, ONLY_CORPUS, TAUGHT, Programs
from tests.assets.teachers import Endpoint
from tests.scripted_teacher.echo import EchoTeacher


def runs_of(project):
    with project.instance() as instance:
        return instance.get_runs()


def test_a_second_run_asks_nobody_launches_nothing_and_ends_well(project):
    small = project(TAUGHT, Programs(EchoTeacher()))
    small.deliver(LINES)
    first = small.run()
    assert first.made == ["batch notes:start", "release r0001"]
    calls, runs = small.teachers.teacher.calls, len(runs_of(small))
    told = small.run()
    assert (told.made, told.causes, told.exit_code()) == ([], [], ExitCode.DONE)
    assert (small.teachers.teacher.calls, len(runs_of(small))) == (calls, runs)
    assert small.releases() == ["r0001"]
    small.write_recipe(TAUGHT.replace("[answer_rules]", "[{answer_rules: {max_answer_characters: 9000}}]"))
    assert small.run().made == ["release r0002"]  # another threshold: no batch is made
    assert small.teachers.teacher.calls == calls


def test_over_budget_is_its_own_end_and_a_higher_cap_pays_only_for_what_is_missing(project, monkeypatch):
    with Endpoint() as server:
        monkeypatch.setenv("SYNTH_MODEL", "m")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        capped = TAUGHT.replace("{use: embedded}", "{use: endpoint}") + "budget: {calls_per_run: 5}\n"
        small = project(capped)
        small.deliver(LINES)
        told = small.run()
        assert told.exit_code() == ExitCode.OVER_BUDGET == 78
        assert any("calls_per_run" in cause for cause in told.causes), told.causes
        # one call finds out what the model understands; a question takes 10 tokens in and 5 out, and two of the six
        # passages are left
        rest = "4 of 6 inputs of generated_instructions/grounded_qa are done; the rest of this step needs about 2 more "
        rest += "calls, 30 tokens and money at an unknown price."
        assert any(rest in cause for cause in told.causes), told.causes
        assert server.calls == 4
        assert small.candidates("generated_instructions") == [] and small.releases() == []
        assert small.lake.sessions.usage(dataset="tiny").calls == 1 + 4  # what a failed run cost is written down
        small.write_recipe(capped.replace("calls_per_run: 5", "calls_per_run: 11"))
        assert small.run().causes == []
        assert server.calls == len(LINES) == 6
        assert small.releases() == ["r0001"]


class NotYet(EchoTeacher):
    """A provider batch that has not come back."""

    ready = False

    async def ask(self, *asked: Any, **how: Any) -> Any:
        if not self.ready:
            raise Pending("The answers are being made by a provider batch. Run the same command later.")
        return await super().ask(*asked, **how)


def test_pending_is_its_own_end_and_the_same_run_goes_on_when_the_answers_are_there(project):
    teacher = NotYet()
    small = project(TAUGHT, Programs(teacher))
    small.deliver(LINES)
    told = small.run()
    assert told.exit_code() == ExitCode.PENDING == 75
    assert any("provider batch" in cause for cause in told.pending), told.pending
    assert told.causes == []
    assert small.candidates("generated_instructions") == [] and small.releases() == []
    teacher.ready = True
    assert small.run().causes == []
    assert small.releases() == ["r0001"]


def test_checks_that_fail_after_a_suite_was_edited_block_the_next_release(project, monkeypatch, tmp_path):
    small = project(ONLY_CORPUS, Programs(EchoTeacher()))
    small.deliver(LINES)
    assert small.run().causes == []
    for name in ("corpus", "mix", "signals"):
        (tmp_path / f"{name}.json").write_text(suites.suite_text(name), encoding="utf-8")
    edited = json.loads(suites.suite_text("corpus"))
    lengths = {"column": "text", "min_value": 10_000, "max_value": None}
    edited["expectations"].append(
        {"type": "expect_column_value_lengths_to_be_between", "kwargs": lengths, "severity": "critical", "meta": {}}
    )
    (tmp_path / "corpus.json").write_text(json.dumps(edited), encoding="utf-8")
    monkeypatch.setattr(suites, "SUITES", tmp_path)
    before = small.rows("seed_corpus")
    assert not checked_again(small, "seed_corpus")
    assert small.rows("seed_corpus") == before  # what was accepted stays readable
    small.write_recipe(ONLY_CORPUS.replace("min_words: 3", "min_words: 4"))
    told = small.run()
    assert told.exit_code() == ExitCode.FAILED and small.releases() == ["r0001"]
    assert any("'seed_corpus' no longer passes its checks" in cause for cause in told.causes), told.causes
    monkeypatch.undo()
    assert checked_again(small, "seed_corpus")
    assert small.run().made == ["release r0002"]


def checked_again(project, stage):
    """Run the gate of a stage by itself, as the button in the UI does."""
    key = dg.AssetKey(["tiny", stage])
    with project.instance() as instance, project.answering() as teachers:
        built = definitions.build(project.root, recipes=[project.recipe("tiny")], teachers=teachers, env={})
        job = built.resolve_implicit_global_asset_job_def()
        keys = {check for check in job.asset_layer.asset_graph.asset_check_keys if check.asset_key == key}
        alone = job.get_subset(asset_selection=set(), asset_check_selection=keys)
        result = alone.execute_in_process(instance=instance, raise_on_error=False)
    evaluations = result.get_asset_check_evaluations()
    assert evaluations
    return all(one.passed for one in evaluations)


def test_a_range_of_partitions_in_one_run_is_refused(project):
    small = project(ONLY_CORPUS, Programs(EchoTeacher()))
    small.deliver(LINES)
    small.run()
    with small.instance() as instance, small.answering() as teachers:
        instance.add_dynamic_partitions("tiny_batches", ["notes:start", "notes:other"])
        built = definitions.build(small.root, recipes=[small.recipe("tiny")], teachers=teachers, env={})
        result = built.resolve_job_def("tiny__batch").execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags={
                "dagster/asset_partition_range_start": "notes:start",
                "dagster/asset_partition_range_end": "notes:other",
            },
        )
    assert not result.success
    (failed, *_) = [event for event in result.all_events if event.is_step_failure]
    assert "A run makes one partition" in str(failed.event_specific_data)


@pytest.mark.parametrize("which", ["--batch", "--release"])
def test_a_name_that_does_not_exist_or_is_old(project, which):
    small = project(ONLY_CORPUS, Programs(EchoTeacher()))
    small.deliver(LINES)
    if which == "--batch":
        with pytest.raises(Exception, match="'notes:start'"):
            small.run(batches=["notes:strat"])
        assert small.candidates("seed_corpus") == []
    else:
        assert small.run(release="spring").causes == [] and small.run(release="spring").causes == []
        assert small.releases() == ["spring"]
