"""Asks TRL itself about an export: python -m tests.exports.trl_check FOLDER (needs trl, which the project does not)."""

import sys

from datasets import load_dataset
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast
from trl.data_utils import is_conversational, maybe_apply_chat_template

TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def main(folder: str) -> None:
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel({"?": 0}, unk_token="?")))
    tokenizer.chat_template = TEMPLATE
    for name, part in load_dataset(folder).items():
        for row in part:
            assert is_conversational(row), f"{name}: not conversational"
            shown = maybe_apply_chat_template(row, tokenizer)
            if "chosen" in row:
                assert shown["prompt"].endswith("<assistant>"), shown["prompt"][-40:]
                assert shown["chosen"] == row["chosen"][-1]["content"] + "</s>"
                assert shown["rejected"] == row["rejected"][-1]["content"] + "</s>"
            else:
                assert row["messages"][-1]["content"] in shown["text"]
        print(f"{name}: {part.num_rows} rows, conversational, and TRL applies a chat template to each")


if __name__ == "__main__":
    main(sys.argv[1])
