"""An OpenLineage receiver is told of every batch once, by the standard's classes, and no run waits for it."""

import json
import logging
import os
import threading
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

import definitions
from assets.lineage_events import NAME
from synth_dagster.cli.run import Session
from synth_dagster.errors import SynthError
from synth_dagster.governance.openlineage import sending
from synth_dagster.governance.openlineage.events import Scene
from synth_dagster.governance.openlineage.sending import CURSOR, Beside, Courier, client_of, is_configured
from synth_dagster.governance.openlineage.story import moments
from synth_dagster.runner.context import Silent
from tests.assets.project import LINES, TAUGHT, Programs, small_project
from tests.assets.teachers import Junk
from tests.governance.openlineage_check import published
from tests.governance.openlineage_classes import mistakes
from tests.governance.openlineage_server import Server
from tests.scripted_teacher.echo import EchoTeacher

TO_FILE = "transport: {{type: file, log_file_path: {file}, append: true}}\n"
ENDS = ("COMPLETE", "FAIL", "ABORT")


class Receiver:
    """A client that keeps what it is given. `mood` is raised instead, where there is one."""

    def __init__(self):
        self.events, self.mood = [], None

    def emit(self, event):
        if self.mood is not None:
            raise self.mood
        self.events.append(event)

    def names(self):
        return [(event.job.name, event.eventType.value) for event in self.events]


def session(project, instance):
    return Session(project, project.recipe("tiny"), instance, project.teachers, Silent())


def scene(project):
    recipe = project.recipe("tiny")
    return Scene(lake=project.lake, recipes={"tiny": recipe}, places=project.environment.places, namespace="here")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project that has made a release, whose courier began before it and has sent nothing yet."""
    project = small_project(tmp_path_factory.mktemp("lineage") / "p", TAUGHT, Programs(EchoTeacher()))
    project.deliver(LINES)
    with project.instance() as instance:
        Courier(instance, scene(project), Receiver()).begin()
        began = instance.daemon_cursor_storage.get_cursor_values({CURSOR})
        session(project, instance).run((), None, allow_missing=False)
        yield project, instance, began


@pytest.fixture
def courier(made):
    """A courier that has sent nothing of it, with a receiver that takes all."""
    project, instance, began = made
    instance.daemon_cursor_storage.set_cursor_values(began)
    return Courier(instance, scene(project), Receiver())


@pytest.fixture(scope="module")
def told(made, tmp_path_factory):
    """What the official client wrote to a file of it."""
    project, instance, began = made
    file = tmp_path_factory.mktemp("told") / "events.jsonl"
    (project.root / "openlineage.yml").write_text(TO_FILE.format(file=file))
    instance.daemon_cursor_storage.set_cursor_values(began)
    try:
        with Beside(Courier(instance, scene(project), client_of({}, project.root)), leave_s=60):
            pass
    finally:
        (project.root / "openlineage.yml").unlink()
    return [json.loads(line) for line in file.read_text().splitlines()]


# ------------------------------------------------------------------------------------------------------ what is told


def test_every_event_is_one_of_the_standard(told):
    assert len(told) == 22  # seven steps and gates of a batch, three of a release, and two runs: each begins and ends
    assert [mistake for event in told for mistake in (*mistakes(event), *published().mistakes(event))] == []


def test_what_is_no_event_is_found(told):
    event = json.loads(json.dumps(told[-1]))
    del event["run"]["runId"]
    event["eventType"] = "DONE"
    event["job"]["facets"]["jobType"]["more"] = 1
    assert len(mistakes(event)) == 3


def test_each_job_begins_once_and_ends_once_within_its_parent(told):
    runs = defaultdict(list)
    for event in told:
        runs[event["run"]["runId"]].append(event)
    assert all([one["eventType"] for one in events] == ["START", "COMPLETE"] for events in runs.values())
    for events in runs.values():
        for event in events:
            parent = event["run"]["facets"].get("parent")
            assert (parent is None) == (event["job"]["name"] in ("tiny.batch", "tiny.release"))
            if parent is not None:
                first, last = runs[parent["run"]["runId"]]
                assert parent["job"]["name"] == first["job"]["name"]
                assert first["eventTime"] <= event["eventTime"] <= last["eventTime"]


def ended(told, job):
    return next(one for one in told if one["job"]["name"] == job and one["eventType"] in ENDS)


def test_a_stage_names_what_it_read_and_what_it_made(made, told):
    project, _, _ = made
    (candidate,) = project.candidates("generated_instructions")
    end = ended(told, "tiny.generated_instructions")
    ((read,), (output,)) = end["inputs"], end["outputs"]
    lake = project.lake.store.url
    assert (read["namespace"], read["name"]) == ("file", f"{lake}/tiny/seed_corpus")
    assert read["facets"]["version"]["datasetVersion"] == candidate.inputs["seed_corpus"]
    assert output["name"] == f"{lake}/tiny/generated_instructions"
    assert output["facets"]["version"]["datasetVersion"] == candidate.data_version
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == candidate.rows > 0
    where = output["outputFacets"]["subset"]["outputCondition"]["partitions"]
    assert where == [{"dimensions": {"batch": "notes:start"}}] and output["facets"]["schema"]["fields"]
    tags = {one["key"]: one["value"] for one in end["run"]["facets"]["tags"]["tags"]}
    assert tags["code_version"] == candidate.code_version and tags["recipe"] == candidate.recipe_hash
    assert (tags["models"], tags["methods"], tags["records"]) == ("echo", "grounded_qa", str(candidate.current))


def test_the_first_stage_reads_the_delivery_and_a_release_its_batches(made, told):
    project, _, _ = made
    (delivered,) = ended(told, "tiny.seed_corpus")["inputs"]
    assert (delivered["namespace"], delivered["name"]) == ("file", str(project.root / "inbox/notes"))
    instructions, signals = ended(told, "tiny.filtered_mix")["inputs"]
    batches = instructions["inputFacets"]["subset"]["inputCondition"]["partitions"]
    assert batches == [{"dimensions": {"batch": "notes:start"}}] and signals["name"].endswith("/quality_signals")
    (made_,) = ended(told, "tiny.filtered_mix")["outputs"]
    assert made_["outputFacets"]["subset"]["outputCondition"]["partitions"] == [{"dimensions": {"release": "r0001"}}]


def test_what_a_teacher_writes_is_conditioned_on_its_source_and_what_is_inherited_comes_from_it(told):
    fields = ended(told, "tiny.generated_instructions")["outputs"][0]["facets"]["columnLineage"]["fields"]

    def kinds(column):
        return {how["type"] for one in fields[column]["inputFields"] for how in one["transformations"]}

    assert kinds("messages") == {"INDIRECT"} and kinds("license") == {"DIRECT"}
    mix = ended(told, "tiny.filtered_mix")["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert {how["subtype"] for one in mix["messages"]["inputFields"] for how in one["transformations"]} == {"IDENTITY"}


def test_a_gate_asserts_about_what_it_reads_and_makes_nothing(told):
    gate = ended(told, "tiny.seed_corpus.gate")
    (read,) = gate["inputs"]
    assertions = read["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert all(one["success"] and one["severity"] in ("error", "warn") for one in assertions) and len(assertions) > 5
    assert gate["outputs"] == [] and gate["job"]["facets"]["jobType"]["jobType"] == "GATE"


def test_no_record_text_is_told(told):
    text = json.dumps(told)
    assert not any(line[:20] in text for line in LINES) and "?" not in text.replace("?%", "")


def test_a_refused_batch_is_a_failure_with_the_checks_that_failed_and_no_text(tmp_path):
    project = small_project(tmp_path / "p", TAUGHT, Programs(Junk("Zzyx", text="Quagmire")))
    project.deliver(["Zzyx is a word that makes the teacher write nonsense in its answer."])
    with project.instance() as instance:
        courier = Courier(instance, scene(project), Receiver())
        courier.begin()
        session(project, instance).run((), None, allow_missing=False)
        courier.send()
    ends = {event.job.name: event for event in courier.client.events if event.eventType.value in ENDS}
    gate = ends["tiny.generated_instructions.gate"]
    assert gate.eventType.value == ends["tiny.batch"].eventType.value == "FAIL"
    why = gate.run.facets["errorMessage"].message
    assert "check generated_instructions/something_came_out failed" in why
    assert not any(one.success for one in gate.inputs[0].inputFacets["dataQualityAssertions"].assertions[3:4])
    assert "Zzyx" not in repr(courier.client.events) and "Quagmire" not in repr(courier.client.events)


# ------------------------------------------------------------------------------------------------- as a log tells it


def record(place, kind, step=None, **data):
    about = SimpleNamespace(event_type_value=kind, step_key=step, event_specific_data=SimpleNamespace(**data))
    return SimpleNamespace(
        storage_id=place, event_log_entry=SimpleNamespace(dagster_event=about, timestamp=float(place))
    )


def failed(place, step, error="ValueError"):
    broken = SimpleNamespace(cls_name=error, cause=None)
    return record(place, "STEP_FAILURE", step, error=broken, user_failure_data=None)


def test_what_was_under_way_when_a_process_died_ends_with_its_run():
    log = [record(1, "PIPELINE_START"), record(2, "STEP_START", "tiny__a"), record(3, "PIPELINE_FAILURE")]
    found = [(one.step, one.kind, one.place) for one in moments(log)]
    assert found == [(None, "START", 1), ("tiny__a", "START", 2), ("tiny__a", "FAIL", 3), (None, "FAIL", 3)]


def test_a_step_that_was_told_to_end_is_aborted():
    log = [record(1, "PIPELINE_START"), record(2, "STEP_START", "a"), failed(3, "a", "KeyboardInterrupt")]
    assert [one.kind for one in moments([*log, record(4, "PIPELINE_CANCELED")])] == ["START", "START", "ABORT", "ABORT"]


STEPS = st.sampled_from(["a", "b", "c"])
KINDS = st.sampled_from(["STEP_START", "STEP_SUCCESS", "STEP_FAILURE", "PIPELINE_START", "PIPELINE_FAILURE"])


@given(st.lists(st.tuples(KINDS, STEPS), max_size=30))
def test_whatever_a_log_says_each_start_has_one_end_once_the_run_is_over(said):
    log = [record(0, "PIPELINE_START")]
    for place, (kind, step) in enumerate(said, start=1):
        is_run = kind.startswith("PIPELINE")
        log.append(failed(place, step) if kind == "STEP_FAILURE" else record(place, kind, None if is_run else step))
    log.append(record(len(said) + 1, "PIPELINE_SUCCESS"))
    # a run that was reported as failed may go on, and end in order: what came after its end is then its own
    log.append(record(len(said) + 2, "PIPELINE_FAILURE"))
    open_ = Counter()
    for one in moments(log):
        open_[one.step] += 1 if one.kind == "START" else -1
        assert open_[one.step] in (0, 1)
    assert not open_[None]


# ----------------------------------------------------------------------------------------------- how it is delivered


def test_what_a_receiver_did_not_take_is_sent_when_it_is_back_and_nothing_twice(courier):
    courier.client.mood = ConnectionError("down")
    assert courier.send() == sending.Sent(0, "ConnectionError")
    courier.client.mood = None
    assert courier.send() == sending.Sent(22) and courier.send() == sending.Sent(0)
    names = courier.client.names()
    assert len(set(names)) == len(names) == 22 and names[0] == ("tiny.batch", "START")


def test_a_receiver_that_goes_away_in_the_middle_gets_the_rest_later(courier):
    taken = courier.client.emit

    def tired(event):
        if len(courier.client.events) == 9 and courier.client.mood is None:
            courier.client.mood = TimeoutError()
        taken(event)

    courier.client.emit = tired
    assert courier.send() == sending.Sent(9, "TimeoutError")
    courier.client.emit, courier.client.mood = taken, None
    assert courier.send() == sending.Sent(13)
    assert len(set(courier.client.names())) == 22


def test_an_event_that_a_receiver_would_never_take_is_named_in_the_log_and_stops_nothing(courier, caplog):
    taken = courier.client.emit

    def picky(event):
        if event.job.name == "tiny.seed_corpus":
            refusal = OSError("bad")
            refusal.response = SimpleNamespace(status_code=422)
            raise refusal
        taken(event)

    courier.client.emit = picky
    assert courier.send().problem == "" and courier.refused == 2 and len(courier.client.events) == 20
    assert "START of tiny.seed_corpus" in caplog.text and "COMPLETE of tiny.seed_corpus" in caplog.text


def test_of_two_that_send_at_once_one_does(courier):
    other = Courier(courier.instance, courier.scene, Receiver())
    taken = courier.client.emit

    def meanwhile(event):
        assert other.send() == sending.Sent(0)
        taken(event)

    courier.client.emit = meanwhile
    assert courier.send().events == 22 and not other.client.events


def test_a_run_is_told_while_it_goes_on_and_what_ran_before_is_not(made):
    project, instance, _ = made
    courier = Courier(instance, scene(project), Receiver())
    instance.daemon_cursor_storage.set_cursor_values(
        {CURSOR: json.dumps({"since": 10.0**10, "places": {}, "over": {}})}
    )
    assert courier.send() == sending.Sent(0)


def test_the_same_run_has_the_same_ids_whenever_it_is_told(made, courier):
    courier.send()
    first = [(one.run.runId, one.eventTime) for one in courier.client.events]
    made[1].daemon_cursor_storage.set_cursor_values(made[2])
    courier.send()
    assert [(one.run.runId, one.eventTime) for one in courier.client.events] == first * 2


def test_a_receiver_that_is_down_fails_no_run_and_is_said_once(tmp_path, caplog):
    project = small_project(tmp_path / "p", TAUGHT, Programs(EchoTeacher()))
    project.deliver(LINES[:2])
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as nobody:
        port = nobody.server_port  # closed again: nobody listens there
    (project.root / "openlineage.yml").write_text(
        f"transport: {{type: http, url: 'http://127.0.0.1:{port}', retry: {{total: 0, connect: 0}}}}\n"
    )
    with project.instance() as instance:
        one = session(project, instance)
        with caplog.at_level(logging.WARNING, "synth_dagster"), one.told():
            told = one.run((), None, allow_missing=False)
        assert told.causes == [] and project.releases() == ["r0001"]
        said = [record.message for record in caplog.records if "OpenLineage" in record.message]
        assert len(said) == 1 and "wait in Dagster's log" in said[0]
        for thread in [one for one in threading.enumerate() if one.name == "openlineage"]:
            thread.join()  # the command does not wait for its last try, which fails too
        receiver = Courier(instance, scene(project), Receiver())
        assert receiver.send().events == 22  # nothing of it was lost


# ------------------------------------------------------------------------------------------------------------ over HTTP


@pytest.fixture
def http():
    with Server() as server:
        yield server


def client_to(server, folder, **more):
    """The official client, as a project's file configures it; it writes its settings into the environment."""
    transport = {"type": "http", "url": server.url, "retry": {"total": 0}} | more
    (folder / "openlineage.yml").write_text(json.dumps({"transport": transport}))
    before = dict(os.environ)
    try:
        return client_of({}, folder)
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]


def test_over_http_the_official_client_posts_what_the_published_schemas_allow(courier, http, tmp_path):
    courier.client = client_to(http, tmp_path)
    assert courier.send() == sending.Sent(22) and courier.send() == sending.Sent(0)
    assert http.paths == {"/api/v1/lineage"} and http.mistakes == []
    assert {len(came) for came in http.taken.values()} == {1} and len(http.taken) == 22


def test_the_receiver_of_these_tests_refuses_what_is_no_event(http, told):
    event = json.loads(json.dumps(told[-1]))
    event["eventType"], event["run"]["runId"] = "DONE", "seven"
    assert http.came(json.dumps(event)) == 422 and len(http.mistakes) == 2
    event = json.loads(json.dumps(told[-1]).replace("/spec/facets/", "/spec/fancies/", 1))
    assert http.came(json.dumps(event)) == 422 and "nobody publishes it" in http.mistakes[-1]
    assert http.came(json.dumps(told[-1])) == 201


@pytest.mark.parametrize(
    ("mood", "timeout"),
    [
        pytest.param(500, 60, id="an error of its own"),
        pytest.param(429, 60, id="too many"),
        pytest.param("hang up", 60, id="hangs up"),
        pytest.param("stuck", 1, id="takes the event and is too slow to say so"),
    ],
)
def test_over_http_nothing_is_lost_to_a_receiver_that_stumbles(courier, http, tmp_path, mood, timeout):
    courier.client = client_to(http, tmp_path, timeout=timeout)
    http.moods.extend([None] * 8 + [mood])  # the ninth post of 22
    first = courier.send()
    assert first.problem and first.events <= 8
    http.let_go.set()
    while courier.send().problem:  # a slow machine may be too slow again
        pass
    times = [len(came) for came in http.taken.values()]
    assert len(times) == 22 and http.mistakes == []
    assert sum(times) == 22 if mood != "stuck" else sum(times) > 22  # nobody knew, so it came once more, as it was
    assert all(one == came[0] for came in http.taken.values() for one in came)


def test_the_official_clients_own_retries_are_used(courier, http, tmp_path):
    again = {"total": 2, "backoff_factor": 0, "status_forcelist": [503], "allowed_methods": ["POST"]}
    courier.client = client_to(http, tmp_path, retry=again)
    http.moods.extend([503, 503])
    assert courier.send() == sending.Sent(22)
    assert len(http.taken) == 22


@pytest.mark.prove
def test_a_run_does_not_wait_for_a_receiver_that_does_not_answer(tmp_path, http, caplog):
    project = small_project(tmp_path / "p", TAUGHT, Programs(EchoTeacher()))
    project.deliver(LINES[:2])
    http.moods.append("stuck")
    with project.instance() as instance:
        one = session(project, instance)
        courier = Courier(instance, scene(project), client_to(http, tmp_path, timeout=600))
        with caplog.at_level(logging.WARNING, "synth_dagster"):
            with Beside(courier, every_s=0.01, leave_s=0.01):
                told = one.run((), None, allow_missing=False)
                assert http.stuck.acquire(timeout=60)  # an event is with the receiver, which answers nothing
            assert not http.let_go.is_set()
        assert told.causes == [] and project.releases() == ["r0001"]
        (said,) = [record.message for record in caplog.records if "OpenLineage" in record.message]
        assert "wait in Dagster's log" in said
        http.let_go.set()
        for thread in [one for one in threading.enumerate() if one.name == "openlineage"]:
            thread.join()
        Courier(instance, scene(project), client_to(http, tmp_path)).send()
    assert len(http.taken) == 22 and http.mistakes == []
    starts = [key[0] for key in http.taken if key[1] == "START"]
    assert len(starts) == 11 and {key[0] for key in http.taken if key[1] in ENDS} == set(starts)


# ---------------------------------------------------------------------------------------------------- how it is set up


def test_it_is_on_where_the_official_clients_settings_name_a_receiver(tmp_path):
    assert not is_configured({}, tmp_path) and client_of({}, tmp_path) is None
    assert is_configured({"OPENLINEAGE_URL": "http://x"}, tmp_path)
    assert is_configured({"OPENLINEAGE__TRANSPORT__TYPE": "console"}, tmp_path)
    (tmp_path / "openlineage.yml").write_text("transport: {type: noop}\n")
    assert is_configured({}, tmp_path) and not is_configured({"OPENLINEAGE_DISABLED": "True"}, tmp_path)


def test_without_the_client_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sending, "find_spec", lambda name: None)
    with pytest.raises(SynthError, match=r"pip install 'synth-dagster\[openlineage\]'"):
        client_of({"OPENLINEAGE_URL": "http://x"}, tmp_path)


def test_a_broken_configuration_is_named_without_what_it_says(tmp_path):
    (tmp_path / "openlineage.yml").write_text("transport: {type: carrier_pigeon, secret: hush}\n")
    with pytest.raises(SynthError, match=r"Correct .*openlineage\.yml") as raised:
        client_of({}, tmp_path)
    assert "hush" not in str(raised.value)


def test_the_sensor_sends_what_is_new(made, courier):
    project, instance, _ = made
    built = definitions.build(project.root, recipes=[project.recipe("tiny")], teachers=project.teachers, env={})
    sensor = built.resolve_sensor_def(NAME)
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
    told = sensor(dg.build_sensor_context(instance=instance))
    assert "Set OPENLINEAGE_URL" in told.skip_message
    file = project.root / "events.jsonl"
    (project.root / "openlineage.yml").write_text(TO_FILE.format(file=file))
    on = definitions.build(project.root, recipes=[project.recipe("tiny")], teachers=project.teachers, env={})
    assert on.resolve_sensor_def(NAME).default_status == dg.DefaultSensorStatus.RUNNING
    said = on.resolve_sensor_def(NAME)(dg.build_sensor_context(instance=instance)).skip_message
    (project.root / "openlineage.yml").unlink()
    assert said == "22 events sent." and len(file.read_text().splitlines()) == 22
