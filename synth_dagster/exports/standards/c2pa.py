"""C2PA: what the official tools need to sign a sidecar for the data (C2PA 2.2; CAWG training and data mining 1.1).

Text, JSON lines and Parquet cannot hold a C2PA manifest, and a claim needs a certificate, which a bare key is not. So
this is the definition of a manifest, ready to be claimed; an export's own signature covers it with the rest. The
tools compute hashes of a collection themselves and take none from outside, so the files stand in an assertion of ours.
"""

from collections.abc import Iterator
from typing import Any

from synth_dagster.exports.facts import Facts, SourceFacts, counted
from synth_dagster.exports.manifest import MAKER
from synth_dagster.exports.standards.base import Shown, Standard, pretty

FILES = "org.synth_dagster.files"
MODELS_WROTE = "http://c2pa.org/digitalsourcetype/trainedAlgorithmicData"
PUT_TOGETHER = "http://cv.iptc.org/newscodes/digitalsourcetype/composite"
DATASET = [{"type": "c2pa.types.dataset"}]
PROMPT = [{"type": "c2pa.types.generator.prompt"}]
USES = ("cawg.data_mining", "cawg.ai_inference", "cawg.ai_training", "cawg.ai_generative_training")


class C2pa(Standard):
    file = "c2pa.json"
    title = "C2PA manifest definition"

    def write(self, facts: Facts, shown: Shown) -> str:
        return pretty(
            {
                "claim_generator_info": [
                    {"name": MAKER, "version": shown.manifest.created_by.removeprefix(f"{MAKER} ")}
                ],
                "title": facts.name,
                "assertions": [{"label": label, "data": data} for label, data in _assertions(facts, shown)],
                "ingredients": [*map(_source, facts.sources), *map(_prompt, facts.prompts)],
            }
        )


def _assertions(facts: Facts, shown: Shown) -> Iterator[tuple[str, dict[str, Any]]]:
    agent = {"name": ", ".join(facts.models) or MAKER}
    created = {"action": "c2pa.created", "when": facts.made_at, "softwareAgent": agent}
    yield (
        "c2pa.actions.v2",
        {"actions": [created | {"digitalSourceType": MODELS_WROTE if facts.models else PUT_TOGETHER}]},
    )
    yield "c2pa.asset-type", {"types": DATASET}
    if facts.url:
        yield "c2pa.asset-ref", {"references": [{"reference": {"uri": facts.url}}]}
    if (use := training_use(facts)) is not None:
        yield "cawg.training-mining", {"entries": dict.fromkeys(USES, use)}
    names = [name for files in shown.data.values() for name in files]
    yield FILES, {"alg": "sha256", "files": [{"uri": name, "hash": shown.sha256(name)} for name in names]}


def training_use(facts: Facts) -> dict[str, str] | None:
    """What the licences and the sites say about mining and training; None, which is no signal, where some are silent.

    `allowed` stands only where nothing is asked and no site is left that nobody looked up; any demand is a constraint
    that names what makes it.
    """
    from synth_dagster.licences.consent import refusing_parts
    from synth_dagster.licences.registry import Licences
    from synth_dagster.licences.terms import Terms

    if facts.demo:
        return {"use": "notAllowed"}
    if not facts.licenses or "" in facts.licenses:
        return None
    refusing = sorted(one.name for one in facts.sources if any(map(refusing_parts, one.consents)))
    found = [f"sites refuse some use of: {', '.join(refusing)}"] if refusing else []
    if Licences().join(facts.licenses) != Terms():
        found.insert(0, f"licence: {facts.licence}")
    if found:
        return {"use": "constrained", "constraint_info": "; ".join(found)}
    is_asked = not any("not looked up:" in said for one in facts.sources for said in one.consents)
    return {"use": "allowed"} if is_asked else None


def _source(one: SourceFacts) -> dict[str, Any]:
    said = f"{one.records:,} records read by {one.reader}; licences {counted(one.licenses)}"
    return {"title": one.name, "relationship": "inputTo", "data_types": DATASET, "description": said}


def _prompt(hashed: str) -> dict[str, Any]:
    return {"title": f"prompt {hashed}", "relationship": "inputTo", "data_types": PROMPT}
