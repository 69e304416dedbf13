"""What a webhook is told of a failed run, and that a dead one breaks nothing."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dagster as dg
import pytest

import definitions
from assets import failure_webhook
from assets.failure_webhook import Webhook, message
from assets.pace import Pace
from synth_dagster.errors import SynthError
from synth_dagster.runner.dead_runs import RUN, process_tags
from tests.assets.project import TAUGHT, Programs, small_project
from tests.assets.teachers import Junk

BAD = "Zzyx is a word that makes the teacher write nonsense in its answer."


@pytest.fixture
def hook(monkeypatch):
    """A server that answers with the given codes, then with 200; what it was sent."""
    monkeypatch.setattr(failure_webhook, "PAUSES", (0.0, 0.0))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            server.sent.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(server.codes.pop(0) if server.codes else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.sent, server.codes = [], []
    server.url = f"http://127.0.0.1:{server.server_port}/secret-token"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """A run whose gate refused what a teacher wrote."""
    project = small_project(tmp_path_factory.mktemp("hook") / "p", TAUGHT, Programs(Junk("Zzyx", text="Quagmire")))
    project.deliver([BAD])
    from synth_dagster.runner.plan import plan_batches

    plan_batches(project.context())
    built = definitions.build(project.root, recipes=[project.recipe("tiny")], teachers=project.teachers, env={})
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("tiny_batches", ["notes:start"])
        result = built.resolve_job_def("tiny__batch").execute_in_process(
            instance=instance, partition_key="notes:start", raise_on_error=False
        )
        assert not result.success
        yield instance, instance.get_run_by_id(result.run_id)


def test_a_message_says_what_failed_where_why_and_what_to_do(refused):
    told = message(*refused, ui="http://ui.example/")
    assert (told["dataset"], told["stage"], told["batch"]) == ("tiny", "generated_instructions", "notes:start")
    assert any(cause.startswith("check generated_instructions/something_came_out failed") for cause in told["why"])
    assert told["do"].startswith("The version accepted before stays in place.")
    assert told["url"] == f"http://ui.example/runs/{told['run']}"
    for part in ("tiny: generated_instructions of notes:start failed", told["why"][0], told["do"], told["url"]):
        assert part in told["text"]


def test_no_record_text_is_in_it(refused):
    assert "Zzyx" not in json.dumps(message(*refused)) and "Quagmire" not in json.dumps(message(*refused))


@pytest.mark.parametrize(
    ("job", "tags", "expected"),
    [
        pytest.param("tiny__ingest", {"synth/outcome": "failed"}, "The other sources were read.", id="a delivery"),
        pytest.param("tiny__batch", {"synth/outcome": "over_budget"}, "What was paid for is kept.", id="the budget"),
        pytest.param("tiny__batch", {"synth/outcome": "died"}, "Nothing at first: it is launched again", id="a death"),
        pytest.param("tiny__batch", {"synth/outcome": "failed"}, "Repair what the reason names.", id="a bad day"),
    ],
)
def test_what_to_do_depends_on_what_happened(job, tags, expected):
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.add_run(dg.DagsterRun(job_name=job, status=dg.DagsterRunStatus.FAILURE, tags=tags))
        assert message(instance, run)["do"].startswith(expected)


def test_a_server_that_is_busy_is_asked_again(hook):
    hook.codes = [503, 429]
    Webhook(hook.url).tell({"text": "one"})
    assert [sent["text"] for sent in hook.sent] == ["one"] * 3


@pytest.mark.parametrize(("codes", "tries"), [([500] * 3, 3), ([404], 1)], ids=["always busy", "not there"])
def test_an_address_that_takes_nothing_is_named_by_its_host_and_never_with_its_token(hook, codes, tries):
    hook.codes = codes
    with pytest.raises(SynthError, match=r"at 127\.0\.0\.1 did not take the message: it answered") as refusal:
        Webhook(hook.url).tell({"text": "one"})
    assert len(hook.sent) == tries and "secret-token" not in str(refusal.value)


def test_nobody_listening_is_an_error_with_a_sentence(hook):
    hook.shutdown()
    hook.server_close()
    with pytest.raises(SynthError, match="did not take the message: ConnectionRefusedError"):
        Webhook(hook.url).tell({"text": "one"})


def test_an_address_that_is_no_web_address_is_refused():
    with pytest.raises(SynthError, match="SYNTH_WEBHOOK is no web address"):
        Webhook("file:///etc/passwd").tell({})


def test_the_sensor_tells_the_address_that_the_environment_names_and_once_of_each_run(hook, refused):
    """The end of a killed run may be reported by two that see it."""
    assert told(hook, *refused) is None
    assert "more than once" in told(hook, *refused).skip_message
    assert [sent["batch"] for sent in hook.sent] == ["notes:start"]


def test_a_run_whose_process_works_on_is_no_failure(hook, refused):
    """As Dagster reports of one that two daemons launched."""
    instance, failed = refused
    run = dg.DagsterRun(job_name="tiny__batch", status=dg.DagsterRunStatus.FAILURE)
    run = instance.add_run(run.with_tags({**process_tags(), RUN: run.run_id}))
    assert "its process works on" in told(hook, instance, run, of=failed).skip_message
    assert hook.sent == []


def test_a_run_that_had_succeeded_before_is_no_failure(hook, refused):
    """As Dagster reports when the second process is seen to be gone only after the first has made everything."""
    instance, failed = refused
    run = instance.add_run(dg.DagsterRun(job_name="tiny__batch", status=dg.DagsterRunStatus.STARTED))
    ended = dg.DagsterEvent(event_type_value="PIPELINE_SUCCESS", job_name=run.job_name)
    instance.report_dagster_event(ended, run.run_id)
    instance.report_run_failed(run)
    assert "after it had succeeded" in told(hook, instance, instance.get_run_by_id(run.run_id), of=failed).skip_message
    assert hook.sent == []


def told(hook, instance, run, of=None):
    """What the sensor answers to the failure of a run, or to one like that of another."""
    sensor = failure_webhook.failure_sensor(Webhook(hook.url), Pace())
    records = instance.get_records_for_run((of or run).run_id, of_type=dg.DagsterEventType.RUN_FAILURE).records
    context = dg.build_run_status_sensor_context(
        sensor_name=sensor.name,
        dagster_instance=instance,
        dagster_run=run,
        dagster_event=records[0].event_log_entry.dagster_event,
    ).for_run_failure()
    return sensor(context)
