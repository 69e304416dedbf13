"""How hard a text is to read and how it falls into tokens: what GneissWeb's ensemble rests on, many texts at once."""

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.parts.text.tokens import token_count_sql

TOKENS_PER_CHARACTER = f"({token_count_sql('text')})::double / nullif(length(text), 0)"  # the project's own counter
_MINI = 3  # characters of a word that a foreign reader stumbles over, such as "it is to be"
_NO_WORD = r"[^\p{L}\p{N}\s'’\-]+"
_SENTENCE_END = r"[.!?。！？]+[\"'”’)\]]*(\s|$|\p{Han})"


def eflaw(texts: pa.Array) -> np.ndarray:
    """McAlpine's EFLAW: (words + words of at most three characters) / sentences. 0 for a text without words.

    A text without an end of a sentence is one sentence.
    """
    plain = pc.fill_null(texts, "")
    parts = pc.utf8_split_whitespace(pc.replace_substring_regex(plain, _NO_WORD, ""))
    flat = pc.list_flatten(parts)
    owners = pc.list_parent_indices(parts).to_numpy(zero_copy_only=False)
    length = pc.utf8_length(flat).to_numpy(zero_copy_only=False)
    words = np.bincount(owners[length > 0], minlength=len(texts))
    mini = np.bincount(owners[(length > 0) & (length <= _MINI)], minlength=len(texts))
    ends = pc.count_substring_regex(plain, _SENTENCE_END).to_numpy(zero_copy_only=False)
    return (words + mini) / np.maximum(ends, 1)
