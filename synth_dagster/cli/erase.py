"""`synth erase`: what an erasure would take and, with `--yes`, that it is gone."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from synth_dagster.cli.project import Project, open_project
from synth_dagster.cli.terminal import Terminal, print_json
from synth_dagster.errors import ExitCode, SynthError
from synth_dagster.governance.answer import plural
from synth_dagster.governance.erase import Asked, BadErasure, Surroundings, costs, erase, open_batches, plan, resume
from synth_dagster.governance.erase_children import policy_of
from synth_dagster.governance.erase_dagster import Dagster, dagster_of
from synth_dagster.governance.erase_scope import Scope, search_of
from synth_dagster.lake.erasing import is_cut_short
from synth_dagster.signing import Signer


def erase_records(
    given: Path | None,
    dataset: str | None,
    *,
    source: str | None,
    record: str | None,
    where: str | None,
    everywhere: bool,
    children: str,
    search: str,
    yes: bool,
    yes_everything: bool,
    as_json: bool,
) -> int:
    """Say what would go or, with `yes`, erase it. Returns the exit code: 0 only where nothing was found afterwards."""
    if yes_everything and not yes:
        raise BadErasure("--yes-everything stands beside --yes: without it nothing is erased.")
    policy, opened = policy_of(children), search_of(search)
    project, console = open_project(given), Terminal()
    asked = Asked(project.dataset(dataset), source, record, where, everywhere, policy, opened)
    go_on(project, None if as_json else console)
    if not yes:
        found, around = plan(project.lake, asked), surroundings(project)
        told = {"dry_run": True, **found.as_json(), **costs(found, around)}
        told |= {"provider_batches_open": len(open_batches(project.lake, found))}
        if as_json:
            print_json(told)
        else:
            _print_plan(console, found, told)
        return int(ExitCode.DONE)
    signer = Signer.of(os.environ)  # a key that cannot be used stops it before anything is done
    receipt = erase(project.lake, asked, surroundings(project), signer, everything=yes_everything)
    if as_json:
        print_json(receipt)
    else:
        _print_receipt(console, project, receipt)
    return int(ExitCode.DONE if receipt["proof"]["clean"] else ExitCode.FAILED)


def go_on(project: Project, console: Terminal | None) -> None:
    """Finish what a kill has cut short, before anything else is done with the lake."""
    if not is_cut_short(project.lake):
        return
    for receipt in resume(project.lake, surroundings(project), Signer.of(os.environ)):
        if console is not None:
            console.print("[yellow]An erasure that was cut short was gone on with:[/yellow]")
            _print_receipt(console, project, receipt)


def surroundings(project: Project) -> Surroundings:
    """What stands beside the project's lake."""
    environment = project.environment
    s3 = None
    if str(environment.cache).startswith("s3://"):
        s3 = project._module("resources.buckets").s3_options(environment.env)
    return Surroundings(environment.cache, s3, project.root, _dagster(project))


def _dagster(project: Project) -> Dagster:
    """Where the project's instance keeps things, and the project's own folder if DAGSTER_HOME names another."""
    own = {"files": project.root / ".dagster"} if (project.root / ".dagster").is_dir() else {}
    elsewhere = ["Dagster's storage of another DAGSTER_HOME than that of this command, if there was one"]
    try:
        with project.instance() as instance:
            places, unsearched = dagster_of(instance, own)
    except SynthError as error:
        return Dagster({f"dagster {name}": path for name, path in own.items()}, [*elsewhere, str(error)])
    return Dagster(places, [*elsewhere, *unsearched], project.instance)


def _print_plan(console: Terminal, found: Scope, told: Mapping[str, Any]) -> None:
    _print(
        console,
        f"{_are(told['meant'], 'record')} meant, and {told['made_of_them']:,} made from {_them(told['meant'])}:",
    )
    for row in told["rows"]:
        _print(console, f"  {row['dataset']}/{row['table']}: {plural(row['rows'], 'row')}")
    if found.hidden:
        _print(console, f"  and {plural(found.hidden, 'row')} of versions that were replaced or not accepted")
    for dataset, release in found.releases:
        _print(console, f"  {dataset} {release} held some: it is withdrawn, and a successor written")
    shared = f"; {found.shared_calls:,} more stay, because other records use them" if found.shared_calls else ""
    _print(
        console, f"{plural(found.calls, 'answer')} of teachers {_goes(found.calls)}{_costing(told['cost'])}{shared}."
    )
    _print_children(console, told["children"], told["cost_of_children"])
    if found.above:
        above = "a record that stays" if found.above == 1 else f"{found.above:,} records that stay"
        _print(console, f"What goes was made from {above}, and that may say the same: see synth trace.")
    if found.everything:
        _print(console, f"That is everything in {found.asked.dataset}: --yes-everything is needed too.")
    if told["provider_batches_open"]:
        waiting = told["provider_batches_open"]
        _print(console, f"{waiting:,} provider batches over them are open: collect or give them up before.")
    _print(console, "Nothing was erased. --yes does it.")


def _print_children(console: Terminal, children: Mapping[str, Any], cost: Mapping[str, Any]) -> None:
    """Those that lose one parent of several, and what becomes of them."""
    count, batches = children["records"], len(children["batches"])
    if not count:
        return
    _print(
        console,
        f"{count:,} of them have other parents, which stay; they stand in {plural(batches, 'version')} of batches.",
    )
    if children["policy"] == "drop":
        _print(console, "  --children remake would have the next run make such records anew from the others.")
        return
    theirs = f"{cost['answers']:,} of the answers were theirs{_costing(cost)}"
    _print(console, f"  The next run makes these batches anew: {theirs}. All others are kept.")
    _print(console, "  After the erasure, 'synth plan' says what that run asks and costs.")


def _costing(cost: Mapping[str, Any]) -> str:
    """What answers have cost, in words that follow their number."""
    if not cost["answers"]:
        return ""
    price = "at a price that is not known" if cost["usd"] is None else f"for ${cost['usd']:.4f}"
    return f", which were paid once {price} ({cost['tokens_in'] + cost['tokens_out']:,} tokens)"


def _print_receipt(console: Terminal, project: Project, receipt: Mapping[str, Any]) -> None:
    counts, proof = receipt["counts"], receipt["proof"]
    _print(
        console,
        f"Erased: {plural(counts['records'], 'record')}, and {plural(counts['answers_erased'], 'answer')} of teachers.",
    )
    if counts["runs_deleted"]:
        _print(console, f"{counts['runs_deleted']:,} runs of Dagster said something of it and were deleted.")
    _print_to_remake(console, receipt["counts"]["children"])
    for row in receipt["releases"]:
        after = f"; its successor is {row['successor']}" if row["successor"] else ""
        _print(console, f"{row['dataset']} {row['withdrawn']} is withdrawn{after}.")
    for folder in counts["exports"]:
        _print(console, f"The export {folder} held some, and was removed. Whoever has a copy of it has to be told.")
    _print(console, _proven(proof))
    for what in proof["not_searched"]:
        _print(console, f"  not searched: {what}")
    kept = project.lake.store.link(f"erasures/{receipt['erasure']}.json")
    _print(console, f"Receipt: {kept}")
    if not receipt["signature"]:
        _print(console, f"It is not signed: {receipt['unsigned']}.")


def _print_to_remake(console: Terminal, children: Mapping[str, Any]) -> None:
    if children["policy"] == "remake" and children["batches"]:
        _print(console, f"{children['records']:,} of them have other parents. The next 'synth run' makes anew:")
        for row in children["batches"]:
            _print(console, f"  {row['dataset']}/{row['stage']} {row['batch']}: {row['records']:,} such records went")


def _are(count: int, thing: str) -> str:
    return f"{plural(count, thing)} {'is' if count == 1 else 'are'}"


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def _goes(count: int) -> str:
    return "goes" if count == 1 else "go"


def _proven(proof: Mapping[str, Any]) -> str:
    before, after = proof["before"], proof["after"]
    if not proof["clean"]:
        left: Sequence[str] = sorted({*after["with_ids"], *after["with_text"]})
        return f"[red]NOT CLEAN:[/red] something is still found in {escape(', '.join(left[:10]))}"
    ids, text = len(before["with_ids"]), len(before["with_text"])
    told = f"Before, {ids:,} files held their ids and {text:,} their text; now none of {after['files']:,} does."
    if not proof["text_proven"]:
        told += " Of the text this proves nothing: none of it was theirs alone, or long enough to be searched."
    return told


def _print(console: Terminal, line: str) -> None:
    console.print(line if line.startswith("[") else escape(line), highlight=False)
