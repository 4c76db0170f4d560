"""How far numbers may be apart that are the same but for rounding.

A sum of products depends on the order of its terms, and a back end chooses that by the number of rows: so a text can
have another probability in a batch than alone. The most that was seen in batches of 8 and 12, with MKL and oneDNN,
AVX2 and AVX-512 (CT2_USE_MKL, CT2_FORCE_CPU_ISA), is said below.
"""

LOGPROB = {"cpu": 1e-4, "cuda": 2e-2}
"""Of a text: 0 in int8, whose linear layers sum integers, and 1.4e-6 in float32. In float16, with 13 bits less, nothing
has been measured."""
WORD_PROBABILITY = 0.1
"""0.03, by oneDNN in int8. Aligning pads all texts of a batch to the longest, so attention sums over another number of
terms, and rounding what comes of it to 255 steps makes much of a last bit."""
WORD_TIME = 0.3
"""Seconds; by oneDNN in int8 one token of 366 moved by 0.22 and one by 0.02, the others not at all."""


def alike(found: object, wanted: object, *, within: float) -> bool:
    """Whether two JSON values are equal, floats `within` each other."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(alike(found[key], wanted[key], within=within) for key in found)
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(
            alike(one, other, within=within) for one, other in zip(found, wanted, strict=True)
        )
    if isinstance(found, float) and isinstance(wanted, float):
        return abs(found - wanted) <= within
    return found == wanted
