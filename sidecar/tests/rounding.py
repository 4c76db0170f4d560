"""Tolerances for numbers that differ only by rounding.

A sum of products depends on the order of its terms, and a back end chooses the order by the number of rows,
so a text can have another probability in a batch than alone. Each tolerance states the largest difference
seen in batches of 8 and 12, with MKL and oneDNN, AVX2 and AVX-512 (CT2_USE_MKL, CT2_FORCE_CPU_ISA).
"""

LOGPROB = {"cpu": 1e-4, "cuda": 2e-2}
"""Of a text. Seen: 0 in int8, whose linear layers sum integers, and 1.4e-6 in float32. float16, with 13 bits
less, was not measured."""
WORD_PROBABILITY = 0.1
"""Seen: 0.03, by oneDNN in int8. Alignment pads all texts of a batch to the longest, so attention sums over
another number of terms, and rounding the result to 255 steps magnifies a difference in the last bit."""
WORD_TIME = 0.3
"""Seconds. Seen: by oneDNN in int8, one token of 366 moved by 0.22 and one by 0.02, the others not at all."""


def alike(actual: object, expected: object, *, within: float) -> bool:
    """Whether two JSON values are equal, with floats `within` each other."""
    if isinstance(actual, dict) and isinstance(expected, dict):
        return actual.keys() == expected.keys() and all(
            alike(actual[key], expected[key], within=within) for key in actual
        )
    if isinstance(actual, list) and isinstance(expected, list):
        return len(actual) == len(expected) and all(
            alike(first, second, within=within) for first, second in zip(actual, expected, strict=True)
        )
    if isinstance(actual, float) and isinstance(expected, float):
        return abs(actual - expected) <= within
    return actual == expected
