"""The tables of a lake's metadata store, as the steps that brought them about: old stores take those that they lack."""

VERSION_1 = """
create table recipes (hash text primary key, dataset text not null, text text not null,
    stored_at double precision not null);
create table batches (dataset text, batch text, source text not null, digest text not null, count bigint not null,
    start text not null, state text not null, planned_at double precision not null, place bigint not null,
    primary key (dataset, batch));
create table candidates (number {number}, candidate_id text not null unique,
    dataset text not null, stage text not null, batch text not null, partition text not null, run_id text not null,
    session_id text not null, code_version text not null, inputs text not null, recipe_hash text not null,
    data_version text not null, rows bigint not null, rejected bigint not null, current bigint not null,
    state text not null, created_at double precision not null, details text not null, version bigint,
    committing integer not null default 0);
create index candidates_of_a_batch on candidates (dataset, stage, batch, state);
create table gates (number {number}, candidate_id text not null references candidates
    (candidate_id), passed integer not null, suite text not null, checks text not null,
    checked_at double precision not null);
create index gates_of_a_candidate on gates (candidate_id, number);
create table run_versions (seq {number}, run_id text not null, dataset text not null,
    table_name text not null, version bigint not null, committed_at double precision not null,
    unique (dataset, table_name, version));
create index versions_of_a_run on run_versions (dataset, run_id, seq);
create table sessions (session_id text primary key, dataset text not null, started_at double precision not null,
    ended_at double precision,
    outcome text, pid bigint not null, host text not null);
create table usage (number {number}, session_id text not null, run_id text not null,
    dataset text not null, stage text not null, batch text not null, role text not null, calls bigint not null,
    cached bigint not null, tokens_in bigint not null, tokens_out bigint not null, usd double precision);
create index usage_of_a_session on usage (session_id);
create table prompts (prompt_hash text primary key, system text not null, "user" text not null);
create table releases (dataset text, release text, identity text not null, data_version text not null,
    manifest text not null, records bigint not null, demo integer not null, run_id text not null,
    created_at double precision not null, state text not null, primary key (dataset, release));
create table leases (place {number}, token text not null unique, name text not null,
    kind text not null, host text not null, pid bigint not null, started text not null, since double precision not null,
    expires double precision not null, held integer not null);
create index leases_of_a_name on leases (name);
"""

# What is newest is so by its number: clocks of several machines differ, and one that is set back would lie.
VERSION_2 = """
alter table releases add column number bigint;
update releases set number = (select count(*) from releases as other where other.dataset = releases.dataset and
    (other.created_at < releases.created_at or
    (other.created_at = releases.created_at and other.release <= releases.release)));
alter table sessions add column number bigint;
update sessions set number = (select count(*) from sessions as other where other.started_at < sessions.started_at or
    (other.started_at = sessions.started_at and other.session_id <= sessions.session_id));
alter table leases add column ticks double precision;
"""

# What waits at providers: see `runner/provider_batches.py`.
VERSION_3 = """
create table provider_batches (number {number}, key text not null unique, dataset text not null, stage text not null,
    batch text not null, role text not null, session_id text not null, run_id text not null, address text not null,
    model text not null, path text not null, requests bigint not null, state text not null, file_id text,
    provider_id text, status text not null, done bigint not null, failed bigint not null,
    created_at double precision not null, changed_at double precision not null);
create index provider_batches_of_a_dataset on provider_batches (dataset, state);
create table provider_lines (key text, call_id text, tokens_in bigint not null, prompt_hash text, texts text not null,
    outcome text, primary key (key, call_id));
create index provider_lines_of_a_call on provider_lines (call_id);
create table provider_pauses (dataset text, stage text, batch text, session_id text not null,
    since double precision not null, awaits text not null, not_before double precision not null,
    primary key (dataset, stage, batch));
"""

# The ledger (`ledger.py`). Money is the text of a decimal. What a recipe has spent before is known from `usage`.
VERSION_4 = """
create table accounts (account text primary key, usd text not null, tokens bigint not null, calls bigint not null,
    lost_usd text not null, lost_tokens bigint not null, lost_calls bigint not null, unpriced bigint not null);
create table allowances (token text primary key, accounts text not null, usd text not null, tokens bigint not null,
    calls bigint not null, host text not null, pid bigint not null, started text not null,
    expires double precision not null, written_off integer not null);
insert into accounts select 'recipe/' || dataset, cast(coalesce(sum(usd), 0.0) as text), sum(tokens_in + tokens_out),
    sum(calls), '0', 0, 0, sum(case when calls > 0 and usd is null then calls else 0 end) from usage group by dataset;
"""

# What a code version stands for: the steps with their settings and prompts, the teachers, the terms of a source.
VERSION_5 = """
create table code_versions (code_version text primary key, made_by text not null);
"""

# Erasures (`governance/erase.py`): what is under way, what must not return, which file took which one's place.
VERSION_6 = """
create table lake_keys (name text primary key, secret text not null);
create table tombstones (mac text primary key, erasure text not null, since double precision not null);
create table erasures (number {number}, erasure text not null unique, state text not null,
    started_at double precision not null, ended_at double precision);
create table erased_versions (old text primary key, new text not null, erasure text not null, dataset text not null,
    rows bigint not null, rejected bigint not null, old_version text not null, new_version text not null);
"""

# Which guards inspected a version, and what people decided about records that are held back (`findings.py`).
VERSION_7 = """
alter table gates add column guards text not null default '';
create table quarantine (number {number}, dataset text not null, stage text not null, batch text not null,
    record_id text not null, guard text not null, check_name text not null, action text not null, who text not null,
    comment text not null, at double precision not null);
create index quarantine_of_a_dataset on quarantine (dataset, number);
"""

# Who approved a release, and who took that back (`approvals.py`). Nothing of it is ever changed or removed.
VERSION_8 = """
create table approvals (number {number}, dataset text not null, release text not null, statement text not null unique,
    signature text not null);
create index approvals_of_a_release on approvals (dataset, release, number);
"""

# Which manifest belongs to a release (`seals.py`).
VERSION_9 = """
create table seals (dataset text, release text, manifest text not null, signed_by text not null,
    sealed_at double precision not null, primary key (dataset, release));
"""

MIGRATIONS = (VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6, VERSION_7, VERSION_8, VERSION_9)
"""Migration n brings a database from schema version n to n + 1. Only ever add to the end."""
