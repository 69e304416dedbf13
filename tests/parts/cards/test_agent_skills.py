"""AgentInstruct's skills are the 17 of its paper; fifteen are parts of the data that its authors released."""

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

# The 17 skills of the paper's table, as the README of ThomasRochefortB/open-agentinstruct and a reader's notes on the
# paper both list them, and what we call them.
NAMED = {
    "Reading Comprehension": "reading_comprehension",
    "Open Domain Question Answering": "open_domain_qa",
    "Text Modification": "text_modification",
    "Web Agent": "web_agent",
    "Brain Teaser": "brain_teaser",
    "Analytical Reasoning": "analytical_reasoning",
    "Multiple Choice Questions": "multiple_choice",
    "Data To Text": "data_to_text",
    "Fermi": "fermi",
    "Coding": "coding",
    "Text Extraction": "text_extraction",
    "Text Classification": "text_classification",
    "Retrieval Augmented Generation": "retrieval_augmented_generation",
    "Tool Use": "tool_use",
    "Creative Content Generation": "creative_content",
    "Few Shot Reasoning": "few_shot_reasoning",
    "Conversation": "conversation",
}


def test_the_skills_are_those_of_the_paper():
    assert len(NAMED) == 17 and skills_of().keys() == set(NAMED.values())


def test_every_part_of_the_released_data_is_a_skill_and_two_skills_have_none():
    assert len(RELEASED) == 15
    assert skills_of().keys() - set(RELEASED.values()) == {"tool_use", "web_agent"}
    assert set(RELEASED.values()) <= skills_of().keys()
