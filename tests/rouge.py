"""ROUGE-L by its definition, slowly: what the keepers of the library are held to."""

from synth_dagster.parts.similarity.short_texts import tokens


def common(first, second):
    """The length of the longest common subsequence, by its table."""
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, one in enumerate(first, 1):
        for j, other in enumerate(second, 1):
            table[i][j] = table[i - 1][j - 1] + 1 if one == other else max(table[i - 1][j], table[i][j - 1])
    return table[-1][-1]


def rouge_l(first, second):
    """F of precision and recall: 2 l / (m + n)."""
    one, other = tokens(first), tokens(second)
    return 2 * common(one, other) / (len(one) + len(other)) if one and other else 0.0
