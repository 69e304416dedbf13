"""AgentInstruct's skills are those of the data that its authors released, and two that have no part there."""

from synth_dagster.parts.cards.agent_skills import skills_of

# The parts of microsoft/orca-agentinstruct-1M-v1 as its page lists them, and what we call them.
RELEASED = {
    "analytical_reasoning": "analytical_reasoning",
    "brain_teaser": "brain_teaser",
    "code_": "coding",
    "creative_content": "creative_content",
    "fermi": "fermi",
    "follow_up": "conversation",
    "fs_cot_flow": "few_shot_reasoning",
    "mcq": "multiple_choice",
    "open_domain_qa": "open_domain_qa",
    "rag": "retrieval_augmented_generation",
    "rc": "reading_comprehension",
    "struct2text_flow": "data_to_text",
    "text_classification": "text_classification",
    "text_extraction": "text_extraction",
    "text_modification": "text_modification",
}


def test_every_part_of_the_released_data_is_a_skill_and_two_skills_have_none():
    assert len(RELEASED) == 15
    assert skills_of().keys() - set(RELEASED.values()) == {"tool_use", "web_agent"}
    assert set(RELEASED.values()) <= skills_of().keys()
