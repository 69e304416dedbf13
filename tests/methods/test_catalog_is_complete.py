"""What is built and what is not, of the systems that the platform set out to build: visible in one list.

Whoever builds one takes it off the list; a system that has become several methods goes when the last of them is there.
"""

from importlib.util import find_spec

from synth_dagster.catalog import methods

NOT_YET_BUILT = """
preferences, augmentation and selection
    synpo star rest iwsi compute_matched_sampling llm_annotate co_annotate back_translate distill_general
    distill_domain deita instruct_mining sae_diversity rds_plus tagcos less nice greats metagrad_select
    dmt dem dwa_distill
curation and mixing
    datarater group_mates rho1 doremi mde_mix domain2vec mixture_scaling_law datadecide swift_study
    pretrainers_guide_audit
measurement and governance
    llm_cluster_agent diversity_claim_audit ggmi_information_gain collapse_bounds
    synthetic_fraction_planner recursive_collapse_guard human_data_floor
    variety_representation_audit grounding_rifts data_labour_ledger gce_coverage_report
    recipe_coverage_map export_croissant export_hf_card export_openlineage
    export_prov_json export_spdx export_c2pa export_dpi_summary export_eu_ai_act_summary lineage_audit
"""

# Systems of the same lists that are there, under their own name or as the methods that they consist of.
BUILT = {
    "redstone": ("redstone", "redstone_extract", "redstone_qa", "refinedweb_lines"),
    "data_prep_kit": (
        "gneissweb",
        "readability",
        "code_quality",
        "header_cleanser",
        "repetition_removal",
        "sql_filter",
    ),
    "weborganizer": ("weborganizer", "weborganizer_labels", "weborganizer_mix", "domain_statistics", "top_k"),
    "beyondweb": ("beyondweb",),
    "data_everywhere": ("data_everywhere", "text_attributes"),
    "agentinstruct": ("agentinstruct",),
    "alpaca": ("alpaca", "clean_alpaca"),
    "chase": ("chase_math", "chase_scenarios", "chase_qa", "chase_helpers", "chase_code"),
    "craft": ("craft",),
    "craw4llm": ("craw4llm",),
    "decontaminate": ("decontaminate", "semantic_decontaminate", "benchmark_memory"),
    "entigraph": ("entigraph",),
    "eda": ("eda",),
    "evol_instruct": ("evol_instruct",),
    "gdr": ("gdr", "gdr_report"),
    "fanno": ("fanno", "fanno_screen"),
    "fineweb": (
        *("url_filter", "gopher_repetition", "gopher_quality", "c4_quality", "fineweb_quality", "minhash", "pii"),
    ),
    "fineweb2": ("fineweb2", "language_rules", "rehydration"),
    "fineweb_edu": ("edu_rubric", "fineweb_edu"),
    "glan": ("glan",),
    "judge_pairwise": ("judge_pairwise",),
    "kv_retrieval": ("kv_retrieval",),
    "long_tail_coverage": ("long_tail_coverage",),
    "kpdds": ("kpdds",),
    "metamath": ("metamath",),
    "ngram_novelty": ("ngram_novelty",),
    "numinamath": ("numinamath_extract", "numinamath_cot", "numinamath_synth", "numinamath_tir"),
    "oak": ("oak",),
    "persona_hub": ("persona_hub", "persona_instructions", "persona_texts"),
    "phi4_synth": ("phi4_synth", "phi4_seeds", "phi4_plurality", "phi4_reversal", "phi4_pivotal"),
    "opencsg_chinese": ("cosmopedia_zh", "linked_dedup", "opencsg_edu", "smoltalk_zh"),
    "preselect": ("preselect",),
    "prox": ("prox", "prox_pairs"),
    "quality_diversity_suite": ("quality_diversity_suite",),
    "refinex": ("refinex", "refinex_pairs"),
    "synthetic_release_gate": ("synthetic_release_gate",),
    "source2synth": ("source2synth", "source2synth_hops"),
    "tinygsm": ("tinygsm", "tinygsm_leaks"),
    "self_instruct": ("self_instruct",),
    "toedit": ("toedit", "ngram_prior", "student_prior"),
    "unigen": ("unigen", "remote_clique"),
    "ultra_fineweb": ("ultra_fineweb",),
    "ultrafeedback": ("ultrafeedback",),
    "ultraif": ("ultraif", "ultraif_pairs"),
    "privacy_security_guard": (
        *("privacy_security_guard", "seed_leakage_guard", "plant_canaries", "probe_instructions", "probe_recipe"),
    ),
    "wrap": ("wrap",),
    "zip_entropy": ("zip_entropy",),
}

# Systems that are no methods: they look at stored facts, and stand where those are.
ELSEWHERE = {
    "consent_license_audit": "synth_dagster.governance.consent",
    "open_dataset_checklist": "synth_dagster.governance.checklist",
}

# Methods that come from no system of the lists: our own, and the common stock of the field.
OF_NO_SYSTEM = {
    "embed",  # what others go by
    "grounded_qa",
    "worked_problem",
    "conversation",
    "answer_rules",
    "constraint_rules",
    "fixed_ratio",
    "temperature",
    "unimax",
    "exact",
    "line_dedup",
    "paragraph_dedup",
    "substring_dedup",
    "semantic_dedup",
    "distinct_n",
    "language",
    "linear_classifier",
    "embedding_head",
    "ngram_classifier",
    "identify_language",
    "compression_ratio",
}


def missing():
    return [slug for line in NOT_YET_BUILT.splitlines() if line.startswith(" ") for slug in line.split()]


def test_what_is_built_is_no_longer_on_the_list():
    assert set(missing()) & set(methods()) == set()
    assert set(missing()) & (BUILT.keys() | ELSEWHERE.keys()) == set()


def test_what_is_said_to_be_built_is_there():
    assert {slug for parts in BUILT.values() for slug in parts} <= set(methods())
    assert all(find_spec(module) for module in ELSEWHERE.values())


def test_every_method_is_of_a_system_or_said_to_be_of_none():
    of_a_system = {slug for parts in BUILT.values() for slug in parts}
    ours = {slug for slug, method in methods().items() if method.__module__.startswith("synth_dagster.")}
    assert ours == of_a_system | OF_NO_SYSTEM
    assert not of_a_system & OF_NO_SYSTEM


def test_the_list_names_each_system_once():
    # 24 of generation, 26 of preferences and selection, 22 and fineweb_edu of curation, 29 of measurement
    systems = [*missing(), *BUILT, *ELSEWHERE]
    assert len(set(systems)) == len(systems) == 24 + 26 + 23 + 29
