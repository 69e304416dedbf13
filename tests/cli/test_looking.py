"""The commands that look: what they print for people and for programs, and how they end."""

import json
import subprocess

import pytest

from tests.cli.project import LINES, ROOT, Place

ENTRY = {"record_id", "stage", "method", "model_id", "prompt_hash", "run_id"}
USAGE = {"calls", "cached", "tokens_in", "tokens_out", "usd"}
STAGES = ["seed_corpus", "generated_instructions", "preference_pairs", "quality_signals", "filtered_mix"]


def test_run_says_what_was_made_and_where_to_look(runs):
    _, first, second = runs
    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert "tiny: made batch notes:start, release r0001" in first.out
    assert "release r0002" in second.out
    assert "synth export r0002 --format trl" in second.out
    assert first.err == ""


# ------------------------------------------------------------------------------------------------------------- status


def test_status_as_json_has_the_promised_shape(made):
    status = made.call("status", "--json").json()
    assert status["dataset"] == "tiny"
    assert all(counts.keys() >= {"records", "batches", "version"} for counts in status["stages"].values())
    assert all(release.keys() >= {"release", "records", "verdicts"} for release in status["releases"])
    assert [release["release"] for release in status["releases"]] == ["r0001", "r0002"]
    for release in status["releases"]:
        assert release["verdicts"].keys() >= {"kept", "dropped"}
        assert release["verdicts"]["kept"] == release["records"] > 0
        assert all(isinstance(count, int) for count in release["verdicts"]["dropped"].values())
    assert status["checks"].keys() >= {"passed", "failed", "warned"}
    assert status["checks"]["passed"] > 0 and status["checks"]["failed"] == 0
    assert status["teacher"].keys() >= USAGE | {"lifetime"}
    assert status["teacher"]["lifetime"].keys() >= USAGE
    assert status["teacher"]["calls"] < status["teacher"]["lifetime"]["calls"]


def test_stages_stand_in_the_order_of_the_graph(made):
    assert list(made.call("status", "--json").json()["stages"]) == STAGES
    printed = [line.split() for line in made.call("status").out.splitlines() if line.split()[:1] and "_" in line[:12]]
    assert [words[0] for words in printed if words[0] in STAGES] == STAGES
    assert printed[0][1:3] == ["4", "1"]  # four records in one batch


def test_batches_are_counted(made):
    stages = made.call("status", "--json").json()["stages"]
    assert stages["seed_corpus"]["records"] == len(LINES) and stages["seed_corpus"]["batches"] == 1
    assert stages["filtered_mix"]["batches"] == 2  # its partitions are releases


# --------------------------------------------------------------------------------------------------------------- show


def test_show_as_json_is_a_list_of_whole_records(made):
    rows = made.call("show", "seed_corpus", "--json").json()
    assert sorted(row["text"] for row in rows) == sorted(LINES)
    assert all(len(row["record_id"]) == 32 and row["attributes"]["native_key"] for row in rows)
    assert "東京散歩" in made.synth("show", "seed_corpus", "--json").out


def test_json_stays_json_where_the_terminal_knows_no_unicode_and_wants_colour(made):
    done = made.synth("show", "seed_corpus", "--json", PYTHONIOENCODING="ascii", FORCE_COLOR="1", COLUMNS="20")
    assert sorted(row["text"] for row in done.json()) == sorted(LINES)
    assert "\x1b" not in done.out


def test_show_prints_texts_unbroken_and_with_their_brackets(made):
    out = made.call("show", "seed_corpus").out
    assert all(line in out for line in LINES)


def test_rejects_can_be_shown(made):
    (row,) = made.call("show", "rejects", "--where", "kind = 'unusable'", "--json").json()
    assert row["location"].endswith("a.jsonl:5") and row["raw"] == "{this is no JSON"
    assert "{this is no JSON" in made.call("show", "rejects").out


def test_verdicts_can_be_shown(made):
    rows = made.call("show", "verdicts", "--limit", "100", "--json").json()
    assert {row["release"] for row in rows} == {"r0001", "r0002"}


def test_limit_and_condition_choose(made):
    assert len(made.call("show", "seed_corpus", "--limit", "2", "--json").json()) == 2
    (row,) = made.call("show", "seed_corpus", "--where", "text like '%library%'", "--json").json()
    assert row["text"] == LINES[3]
    assert made.call("show", "seed_corpus", "--where", "false", "--json").json() == []
    assert made.call("show", "seed_corpus", "--where", "false").out == "No record fits.\n"


def test_show_as_of_a_run_is_what_that_run_left(made):
    now = made.call("show", "filtered_mix", "--limit", "100", "--json").json()
    first = next(row["release"] for row in now if row["release"] == "r0001")
    seeds = made.call("show", "verdicts", "--where", "release = 'r0001'", "--limit", "1", "--json").json()
    run = seeds[0]["run_id"]
    before = made.call("show", "seed_corpus", "--as-of", run[:13], "--json").json()
    assert sorted(row["text"] for row in before) == sorted(LINES[:3])
    assert first == "r0001"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["show", "seed_corpsu"], 2, "Did you mean 'seed_corpus'?", id="table"),
        pytest.param(["show", "seed_corpus", "--as-of", "zz"], 2, "No run that changed tiny is called 'zz'", id="run"),
        pytest.param(
            ["show", "seed_corpus", "--where", "true; drop table x"], 1, "This SQL cannot be used", id="two statements"
        ),
        pytest.param(
            ["show", "seed_corpus", "--where", "nothing > 3"], 1, "cannot be used on tiny/seed_corpus", id="column"
        ),
        pytest.param(["show", "seed_corpus", "--limit", "0"], 2, "Invalid value for '--limit'", id="limit"),
        pytest.param(
            ["show", "seed_corpus", "--dataset", "tni"], 2, "No dataset is called 'tni'. Known: tiny.", id="dataset"
        ),
        pytest.param(
            ["status", "--dataset", "other"], 2, "No dataset is called 'other'. Known: tiny.", id="status of another"
        ),
        pytest.param(["trace", "xyz"], 2, "An id is up to 32 hexadecimal digits", id="no id"),
        pytest.param(["trace", "f" * 32], 2, "No record is called 'ffff", id="unknown id"),
        pytest.param(["run", "tniy"], 2, "No recipe is called 'tniy'. Did you mean 'tiny'?", id="recipe"),
        pytest.param(["run", "--batch", "notes:strat"], 2, "Did you mean 'notes:start'?", id="batch"),
        pytest.param(
            ["methods", "--kind", "fliter"],
            2,
            "No kind of method is called 'fliter'. Did you mean 'filter'?",
            id="kind",
        ),
        pytest.param(["audit", "r9001"], 2, "No release of tiny is called 'r9001'. Did you mean 'r0001'", id="release"),
        pytest.param(["audit", "--to", "recipes"], 2, "--to recipes is a folder. Name a file in it.", id="folder"),
        pytest.param(["statsu"], 2, "No such command 'statsu'. Did you mean 'status'?", id="command"),
    ],
)
def test_a_mistake_ends_in_a_sentence_on_standard_error(made, arguments, code, said):
    done = made.call(*arguments, COLUMNS="200")
    assert (done.code, done.out) == (code, "")
    assert said in done.err and "Traceback" not in done.err


# -------------------------------------------------------------------------------------------------------------- trace


def test_trace_goes_from_a_kept_pair_down_to_its_passage_and_back(made):
    pair = made.call("show", "filtered_mix", "--where", "release = 'r0002'", "--limit", "1", "--json").json()[0]
    found = made.call("trace", pair["record_id"], "--json").json()
    assert found.keys() >= {"record", "ancestors", "descendants"}
    assert found["record"].keys() >= ENTRY and found["record"]["record_id"] == pair["record_id"]
    assert found["descendants"] == []
    assert [entry["stage"] for entry in found["ancestors"]][:1] == ["generated_instructions"]
    assert all(entry.keys() >= ENTRY for entry in found["ancestors"])
    assert {"release": "r0002", "verdict": "kept"}.items() <= found["record"]["verdicts"][-1].items()
    passage = next(entry for entry in found["ancestors"] if entry["stage"] == "seed_corpus")
    assert passage["method"] == "files" and passage["model_id"] is None
    back = made.call("trace", passage["record_id"][:12], "--json").json()
    assert {"generated_instructions", "preference_pairs"} <= {entry["stage"] for entry in back["descendants"]}
    assert all(entry.keys() >= ENTRY for entry in back["descendants"])
    said = made.call("trace", passage["record_id"]).out
    assert "nothing: it came from outside" in said and f"preference_pairs {pair['record_id']}" in said


def test_trace_tells_what_judges_gave_a_pair(made):
    (pair,) = made.call("show", "filtered_mix", "--limit", "1", "--json").json()
    told = made.call("trace", pair["record_id"], "--json").json()["record"]["scores"]
    assert (told["chosen_score"], told["rejected_score"]) == (pair["chosen_score"], pair["rejected_score"])
    assert told["chosen_score"] > told["rejected_score"]
    noted = pair["attributes"]
    assert told["ratings"] == noted["ratings"] and told["chosen_model"] == noted["chosen_model"]
    said = made.call("trace", pair["record_id"]).out
    assert f"chosen_score {told['chosen_score']:.4g}; rejected_score {told['rejected_score']:.4g}" in said
    assert "ratings.helpfulness " in said and pair["rationale"] not in said


def test_a_beginning_that_fits_many_records_asks_for_more_digits(made):
    """Of more than sixteen records at least two begin with the same digit."""
    rows = [row for stage in STAGES[:3] for row in made.call("show", stage, "--limit", "500", "--json").json()]
    digits = [row["record_id"][0] for row in rows]
    twice = next(digit for digit in digits if digits.count(digit) > 1)
    done = made.call("trace", twice)
    assert done.code == 2 and "give more digits" in done.err


def test_a_source_reaches_every_stage_and_release(made):
    found = made.call("trace", "--source", "notes", "--json", "--limit", "3").json()
    assert [stage["stage"] for stage in found["stages"]] == [
        "generated_instructions",
        "preference_pairs",
        "seed_corpus",
    ]
    assert [release["release"] for release in found["releases"]] == ["r0001", "r0002"]
    status = made.call("status", "--json").json()
    assert [one["kept"] for one in found["releases"]] == [one["verdicts"]["kept"] for one in status["releases"]]
    assert len(found["first"]) == 3 and found["records"] > 3
    said = made.call("trace", "--source", "notes").out
    assert "tiny/seed_corpus: 4 in 1 batch" in said and "release tiny r0002" in said


def test_all_kept_records_of_a_teacher_go_to_a_file(made, tmp_path):
    to = tmp_path / "all.jsonl"
    done = made.call("trace", "--model", "embedded-extractive", "--kept", "--since", "2026-01-01", "--to", str(to))
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in to.read_text().splitlines()]
    assert rows and f"{len(rows)} records written to" in done.out
    assert all({"verdict": "kept"}.items() <= row["verdicts"][-1].items() for row in rows if row["reached"] == "asked")
    none = made.call("trace", "--model", "embedded-extractive", "--until", "2020-01-01", "--json").json()
    assert (none["records"], none["first"], none["releases"]) == (0, [], [])


def test_a_prompt_is_shown_with_what_it_made(made):
    hashed = made.call("show", "generated_instructions", "--limit", "1", "--json").json()[0]["prompt_hash"]
    said = made.call("trace", "--prompt", hashed[:8]).out
    assert f"prompt {hashed}" in said and "  user " in said and "generated_instructions" in said


def test_a_graph_and_the_words_of_a_record(made):
    pair = made.call("show", "filtered_mix", "--limit", "1", "--json").json()[0]["record_id"]
    graph = made.call("trace", pair, "--mermaid").out
    assert graph.startswith("flowchart TB\n") and f"r{pair}" in graph
    assert "lighthouse" not in made.call("trace", pair).out.lower()
    said = made.call("trace", pair, "--text").out
    assert said.count(pair) == 2 and "assistant:" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param([], "Give the ID of a record, or one of --source", id="nothing"),
        pytest.param(["ab", "--source", "notes"], "An ID is one record", id="both"),
        pytest.param(["--kept"], "Give the ID of a record, or one of --source", id="only kept"),
        pytest.param(["--source", "note"], "Did you mean 'notes'", id="unknown source"),
        pytest.param(["--source", "notes", "--since", "March"], "--since 'March' is no date", id="no date"),
        pytest.param(["--source", "notes", "--since", "2026-05-01", "--until", "2026-04-01"], "not before", id="order"),
        pytest.param(["--source", "notes", "--mermaid"], "are about one record", id="graph of many"),
        pytest.param(["ab", "--json", "--text"], "Give one of them", id="two answers"),
        pytest.param(["--source", "notes", "--dataset", "tin"], "Did you mean 'tiny'", id="unknown dataset"),
        pytest.param(["--source", "notes", "--to", "."], "is a folder", id="a folder"),
    ],
)
def test_a_trace_that_cannot_be_meant(made, options, said):
    done = made.call("trace", *options)
    assert (done.code, done.out) == (2, "") and said in done.err


# --------------------------------------------------------------------------------------------------------------- diff


def test_two_releases_are_compared(made, tmp_path):
    found = made.call("diff", "r0001", "--json").json()
    status = {one["release"]: one for one in made.call("status", "--json").json()["releases"]}
    both = found["records"]["kept_in_both"]
    assert both + found["records"]["removed"] == status["r0001"]["verdicts"]["kept"]
    assert both + found["records"]["added"] == status["r0002"]["verdicts"]["kept"]
    to = tmp_path / "changed.jsonl"
    said = made.call("diff", "r0001", "r0002", "--to", str(to)).out
    assert "tiny: r0001 (demo) -> r0002 (demo)" in said and "The rules are the same." in said
    assert len(to.read_text().splitlines()) == sum(change["records"] for change in found["changes"]) > 0
    page = tmp_path / "changed.html"
    assert "The comparison is a page" in made.call("diff", "r0001", "r0002", "--html", str(page)).out
    assert made.call("diff", "r0001", "r0002", "--html", str(page), "--json").json() == found
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>") and "tiny: r0001" in page.read_text()
    wrong = made.call("diff", "r0001", "--html", str(tmp_path))
    assert wrong.code == 2 and "is a folder. Name a file in it." in wrong.err
    wrong = made.call("diff", "r0001", "--html", str(to), "--to", str(to))
    assert wrong.code == 2 and "Name a file for each." in wrong.err
    assert "The same records, to the byte." in made.call("diff", "r0002", "r0002").out
    wrong = made.call("diff", "r0001", "r9999")
    assert (wrong.code, wrong.out) == (2, "") and "No release of tiny is called 'r9999'" in wrong.err


# -------------------------------------------------------------------------------------------------------------- audit


def test_a_release_is_audited_on_a_page_in_words_and_as_data(made, tmp_path):
    done = made.call("audit", "r0001", "--to", str(tmp_path / "audit.html"))
    assert "tiny r0001 demo: made by the embedded teacher" in done.out and "Approval: demo" in done.out
    assert " 1. Where does it come from?" in done.out and "15. What was not used, and why?" in done.out
    assert "whether it holds benchmark items" in done.out
    page = (tmp_path / "audit.html").read_text()
    assert "Demo, not for training" in page and page.endswith("</html>\n")
    told = made.call("audit", "r0001", "--json").json()
    kept = {one["release"]: one["records"] for one in made.call("status", "--json").json()["releases"]}
    assert (told["facts"]["about"]["kept"], told["demo"]) == (kept["r0001"], True)
    assert [one["number"] for one in told["questions"]] == list(range(1, 16))
    assert sum(told["completeness"].values()) == 15 and all(gap in page for gap in told["not_known"] if "'" not in gap)
    assert {one["records"] for one in told["facts"]["defects"]} == {0}


# ------------------------------------------------------------------------------------------------- outside of a project


@pytest.mark.parametrize("command", [["run"], ["status"], ["show", "seed_corpus"], ["trace", "ab"]], ids=" ".join)
def test_outside_a_project_every_command_says_what_a_project_is(made, tmp_path, command):
    done = made.call(*command, cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "name it with --project, or begin one with 'synth new DIR'" in done.err


def test_a_project_is_found_from_its_folders_and_by_name(made, tmp_path):
    assert made.call("status", "--json", cwd=made.root / "recipes").json()["dataset"] == "tiny"
    assert made.call("status", "--json", "--project", str(made.root), cwd=tmp_path).json()["dataset"] == "tiny"
    assert made.call("status", "--json", cwd=tmp_path, SYNTH_PROJECT=str(made.root)).json()["dataset"] == "tiny"
    done = made.call("status", "--project", str(tmp_path / "none"), cwd=made.root)
    assert done.code == 2 and f"No project in {tmp_path / 'none'}:" in done.err


# ---------------------------------------------------------------------------------------------------- ends of processes


@pytest.mark.parametrize(
    "arguments", ["show generated_instructions --limit 1000", "show seed_corpus --json", "methods", "status --json"]
)
def test_a_reader_that_leaves_early_is_no_error(made, arguments):
    code = "from synth_dagster.cli import main; main()"
    line = f"set -o pipefail; '{made.command()[0]}' -c '{code}' {arguments} | head -c 1"
    done = subprocess.run(
        ["bash", "-c", line], cwd=made.root, env=made.env(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, len(done.stdout), done.stderr) == (0, 1, "")


def commands(place: Place, number: int) -> list[list[str]]:
    """`number` reading commands: each opens tables another way, and each has ended badly in some library."""
    record = place.synth("show", "filtered_mix", "--limit", "1", "--json").json()[0]["record_id"]
    circle = [
        ["status"],
        ["show", "preference_pairs"],
        ["trace", record, "--json"],
        ["export", "latest", "--to", f"{place.root}/out"],
        ["show", "quality_signals", "--where", "record_id is not null"],
    ]
    return [circle[turn % len(circle)] for turn in range(number)]


def ends(place: Place, number: int) -> list[tuple[int, str, bool]]:
    """The codes, what was said of mistakes, and whether anything was coloured: nobody sits at a terminal."""
    done = [place.synth(*command) for command in commands(place, number)]
    return [(one.code, one.err, "\x1b" in one.out) for one in done]


def test_commands_end_cleanly_and_without_colours(made):
    assert ends(made, 5) == [(0, "", False)] * 5


@pytest.mark.prove
def test_twenty_commands_in_a_row_end_cleanly(made):
    assert ends(made, 20) == [(0, "", False)] * 20


def test_methods_fit_any_terminal(made):
    for width in (60, 80, 160):
        out = made.call("methods", COLUMNS=str(width)).out
        summaries = [line for line in out.splitlines() if line.startswith("    ")]
        assert max(map(len, summaries)) <= width and all(line == line.rstrip() for line in out.splitlines())
        assert {"synthesize", "filter", "measure"} <= set(out.splitlines())
    facts = [line for line in made.call("methods").out.splitlines() if line.startswith("  ") and line[2] != " "]
    assert max(map(len, facts)) <= 80
    assert any(
        line.split() == ["grounded_qa", "document", "->", "instruction", "with", "writer", "planted", "signal"]
        for line in facts
    )


def test_methods_as_json_name_their_settings(made):
    entries = made.call("methods", "--kind", "synthesize", "--json").json()
    (entry,) = [entry for entry in entries if entry["slug"] == "grounded_qa"]
    assert {"name": "per_passage", "default": "2", "meaning": "Questions asked about one passage."} in entry["settings"]
    assert json.dumps(entries) and {entry["kind"] for entry in entries} == {"synthesize"}


def test_the_page_of_methods_is_current(made):
    """`make docs` writes it."""
    assert made.call("methods", "--markdown").out == (ROOT / "docs/methods.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param(["--source", "nots"], "Did you mean 'notes'", id="source"),
        pytest.param(["--record", "xyz"], "hexadecimal digits", id="record"),
        pytest.param([], "one of --source NAME", id="nothing"),
        pytest.param(["--source", "notes", "--yes-everything"], "beside --yes", id="everything without yes"),
        pytest.param(["--source", "notes", "--yes"], "erase every record of 'tiny'", id="everything"),
    ],
)
def test_an_erasure_that_cannot_be_meant_is_refused(made, asked, said):
    done = made.call("erase", *asked)
    assert done.code == 2 and said in done.err


def test_an_erasure_by_no_condition_is_refused(made):
    done = made.call("erase", "--where", "true; delete from seed_corpus")
    assert done.code == 1 and "cannot be used" in done.err


def test_a_dry_erasure_changes_nothing(made):
    before = made.call("status", "--json").out
    done = made.call("erase", "--where", "text like '%lighthouse%'")
    assert done.code == 0 and "Nothing was erased. --yes does it." in done.out
    assert made.call("status", "--json").out == before


# --------------------------------------------------------------------------------------------------- licences, consent


def test_licences_say_what_a_release_could_be_used_for_and_end_with_1_where_it_could_not(made):
    done = made.call("licences", "--purpose", "commercial", "--public")
    assert done.code == 0, done.err
    said = " ".join(done.out.split())
    assert "All of it fits purpose 'commercial' and publication." in said
    assert "As it stands, at home, it fits: commercial, non-commercial, research." in said
    found = made.call("licences", "--purpose", "research", "--json").json()
    assert found["asked"]["refusal"] is None and {fit["purpose"] for fit in found["fits"]} >= {"commercial", "research"}
    assert made.call("licences", "--purpose", "fun").code == 2


def test_consent_names_what_is_not_known_of_sites_and_reads_nothing_without_a_folder(made):
    done = made.call("consent")
    assert done.code == 0 and "0 of them with an address, from 0 sites" in " ".join(done.out.split())
    assert made.call("consent", "--json").json()["not_looked_up"] == []
    assert made.call("consent", "--to-look-up").out.strip() == ""
    refused = made.call("consent", "--read-terms")
    assert refused.code == 1 and "has 'signals:'" in " ".join(refused.err.split())


def test_the_checklist_says_how_open_a_release_is_with_the_place_of_its_evidence(made):
    done = made.call("checklist")
    assert done.code == 0, done.err  # nothing marks it as published
    printed = " ".join(done.out.split())
    assert "tier open access (its parts alone: openly licensed)" in printed and "It cannot be published" in printed
    found = made.call("checklist", "--json").json()
    assert found["blockers"].keys() == {"no_removal"} and found["scores"]["processing"]["satisfied"] == 3
