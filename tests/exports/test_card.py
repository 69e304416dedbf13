"""The card is one that Hugging Face's library reads, complete, and says only what is known."""

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from synth_dagster.exports.base import Origin
from synth_dagster.exports.card_header import hub_licence, licence, size_category
from synth_dagster.exports.facts import Facts, SourceFacts
from tests.exports.by_hand import assistant, exported, instruction, pair, talk, user

hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed (the extra is `huggingface`)")
SECTIONS = [
    *("Dataset Details", "Uses", "Dataset Structure", "Dataset Creation", "Bias, Risks, and Limitations", "Citation"),
    *("Glossary", "More Information", "Dataset Card Authors", "Dataset Card Contact"),
]


def known(**more):
    """Facts of a release of two sources, one of them from the hub."""
    source = {"records": 9, "kept": 4, "tokens": 40, "human_tokens": 0, "consents": {}, "hosts": {}, "sites": 0}
    source |= {"languages": {"en": 9}, "first_read": "2026-03-01", "last_read": "2026-03-02"}
    told = {
        "dataset": "demo_set",
        "release": "r0001",
        "kind": "instruction",
        "demo": False,
        "kept": 2,
        "judged": 3,
        "made_at": "2026-03-02T10:00:00Z",
        "data_version": "v1",
        "run": "run-1",
        "dropped": {"minhash:duplicate": 1},
        "tokens": 80,
        "token_counter": "words",
        "licenses": {"MIT": 2},
        "languages": {"en": 1, "pt-BR": 1},
        "depths": {"1": 2},
        "human_share": 0.25,
        "models": {"some-model": 2},
        "prompts": [],
        "makers": [],
        "steps": [],
        "versions": [],
        "missing": {},
        "recipe": "abc",
        "rules": "def",
        "use": {"purpose": "research"},
        "code": {},
        "checks": [{"stage": "mix", "name": "enough_is_kept", "passed": 1, "failed": 2}],
        "sources": [
            SourceFacts(name="notes", reader="files", licenses={"MIT": 9}, **source),
            SourceFacts(name="talks", reader="huggingface", licenses={"MIT": 9}, **source),
        ],
        "creator": "Mill House",
        "url": "https://example.org/set",
        "unknown": ["which checks ran"],
    }
    return Facts(**(told | more))


@pytest.fixture
def card(tmp_path):
    """The card of an export, as the hub's library reads it."""

    def written(records=None, kind="instruction", *, about=None, demo=False):
        origin = Origin(dataset="demo_set", release="r0001", demo=demo, about=about)
        some = records or [instruction(f"Q{n}?", "A.") for n in range(2)]
        exported("trl", some, kind, to=tmp_path / "out", origin=origin)
        return hub.DatasetCard.load(tmp_path / "out/README.md", ignore_metadata_errors=False)

    return written


def test_the_hubs_library_reads_the_header(card, tmp_path):
    data = card(about=known()).data
    assert data.pretty_name == "demo_set r0001" and data.license == "mit"
    assert (data.language, data.multilinguality) == (["en", "pt"], ["multilingual"])
    assert data.task_categories == ["text-generation", "question-answering"] and data.size_categories == ["n<1K"]
    assert (data.language_creators, data.annotations_creators) == (["machine-generated"], ["no-annotation"])
    assert data.source_datasets == ["extended|talks"] and "synthetic" in data.tags and "demo" not in data.tags
    size = (tmp_path / "out/train.jsonl").stat().st_size
    whole = data.to_dict()
    assert whole["configs"] == [{"config_name": "default", "data_files": [{"split": "train", "path": "train.jsonl"}]}]
    assert whole["dataset_info"]["splits"] == [{"name": "train", "num_bytes": size, "num_examples": 2}]
    assert whole["dataset_info"]["download_size"] == size


def test_its_words_are_those_of_the_hubs_lists(card):
    data = card([pair("Q?")], "preference", about=known(kind="preference", depths={"0": 1, "2": 1})).data
    lists = {
        name: json.loads(_resource(f"{name}.json")) for name in ("size_categories", "creators", "multilingualities")
    }
    assert set(data.size_categories) <= set(lists["size_categories"])
    assert set(data.multilinguality) <= lists["multilingualities"].keys()
    assert set(data.language_creators) <= set(lists["creators"]["language"])
    assert set(data.annotations_creators) <= set(lists["creators"]["annotations"])
    assert data.language_creators == ["found", "machine-generated"]
    assert data.annotations_creators == ["machine-generated"]  # a model ranked the answers
    assert set(data.language) <= json.loads(_resource("languages.json")).keys()


def _resource(name):
    return (files(pytest.importorskip("datasets")) / "utils/resources" / name).read_text("utf-8")


def test_columns_that_a_reader_would_guess_wrong_are_described(card):
    calls = json.dumps([{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}])
    talks = [talk(user("Look."), assistant("", tool_calls=calls), assistant("Done."))]
    features = card(talks, about=known()).data.to_dict()["dataset_info"]["features"]
    assert [one["name"] for one in features[0]["list"]] == ["role", "content", "name", "tool_calls"]


@pytest.mark.parametrize(
    "about", [None, known(), known(creator=None, url=None)], ids=["nothing known", "all", "nobody"]
)
def test_it_has_every_section_of_the_template_and_leaves_none_open(card, about):
    text = card(about=about).text
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    template = (Path(hub.__file__).parent / "templates/datasetcard_template.md").read_text()
    wanted = [name.removesuffix(" [optional]") for name in re.findall(r"^## (.*)$", template, re.MULTILINE)]
    assert set(wanted) <= set(SECTIONS) and "More Information Needed" not in text
    assert empty(text) == []


def empty(text):
    """The headings with nothing below them before the next one of their rank."""
    lines = [line for line in text.splitlines() if line.strip()]
    ranks = [len(line) - len(line.lstrip("#")) if re.match(r"#+ ", line) else 0 for line in lines]
    after = [*ranks[1:], 1]
    return [line for line, rank, next_ in zip(lines, ranks, after, strict=True) if rank and 0 < next_ <= rank]


def test_it_says_what_is_known_and_what_is_not(card):
    text = card(about=known()).text
    assert "**Curated by:** Mill House" in text and "research use" in text and "- which checks ran" in text
    assert "failed in 2: mix, enough_is_kept" in text and "minhash:duplicate 1" in text
    assert "author = {{Mill House}}" in text and "Share of characters that people wrote: 0.250" in text
    assert "Nobody has said." in card(about=known(creator=None)).text


@pytest.mark.parametrize(
    ("rows", "size"),
    [(0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**12 - 1, "100B<n<1T"), (10**15, "n>1T")],
)
def test_sizes_are_the_hubs(rows, size):
    assert size_category(rows) == size


@pytest.mark.parametrize(
    ("licenses", "said"),
    [
        pytest.param(["MIT"], {"license": "mit"}, id="one"),
        pytest.param(
            ["MIT", "CC-BY-4.0"],
            {"license": ["cc-by-4.0", "mit"], "license_details": "CC-BY-4.0 AND MIT"},
            id="both bind",
        ),
        pytest.param(["GPL-3.0-or-later"], {"license": "gpl-3.0"}, id="another spelling"),
        pytest.param(
            ["PSF-2.0"],
            {"license": "other", "license_name": "psf-2.0", "license_details": "PSF-2.0"},
            id="not on the hub's list",
        ),
        pytest.param(
            ["MIT OR Apache-2.0"],
            {"license": "other", "license_name": "mit-or-apache-2.0", "license_details": "MIT OR Apache-2.0"},
            id="a choice",
        ),
        pytest.param([], {"license": "unknown"}, id="none"),
        pytest.param(["MIT", ""], {"license": "unknown"}, id="some without"),
    ],
)
def test_licences_are_the_hubs_or_said_in_full(licenses, said):
    assert licence(known(licenses=dict.fromkeys(licenses, 1))) == said


def test_a_licence_of_ones_own_has_no_identifier_of_the_hub():
    assert hub_licence("LicenseRef-House") is None and hub_licence("ODC-By-1.0") == "odc-by"
    assert (hub_licence("Zlib"), hub_licence("MIT"), hub_licence("z")) == ("zlib", "mit", None)


def test_a_demo_is_tagged_and_for_no_use(card):
    found = card(about=known(demo=True), demo=True)
    assert "demo" in found.data.tags and "not for training" in found.text
