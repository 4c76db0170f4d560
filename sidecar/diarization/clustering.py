"""Agglomerative clustering of embeddings by average linkage."""

import numpy as np


def labels(
    embeddings: np.ndarray,
    weights: np.ndarray,
    *,
    threshold: float,
    least: int = 1,
    most: int | None = None,
    apart: np.ndarray | None = None,
) -> np.ndarray:
    """A label for each embedding; labels count from 0 in the order of the embeddings.

    The two nearest clusters are joined until their distance exceeds `threshold` and there are at most `most`
    clusters, or until only `least` clusters remain. The distance of two clusters is the mean cosine distance
    of their pairs of embeddings, weighted by the product of their weights. `apart`: is added to the distance
    of each pair.
    """
    count = len(embeddings)
    distances = 1 - embeddings @ embeddings.T
    if apart is not None:
        distances = distances + apart
    totals = weights.astype(np.float64)
    sums = distances * totals[:, None] * totals
    means = distances.astype(np.float64)
    np.fill_diagonal(means, np.inf)
    members = np.arange(count)
    for clusters in range(count, least, -1):
        first, second = sorted(divmod(int(means.argmin()), count))
        if means[first, second] > threshold and (most is None or clusters <= most):
            break
        members[members == second] = first
        sums[first] += sums[second]
        sums[:, first] += sums[:, second]
        totals[first] += totals[second]
        gone = np.isinf(means[first])
        means[first] = sums[first] / (totals[first] * totals)
        means[first, gone] = np.inf
        means[first, second] = np.inf
        means[:, first] = means[first]
        means[second] = means[:, second] = np.inf
    _, numbers = np.unique(members, return_inverse=True)
    return numbers


def centroids(embeddings: np.ndarray, weights: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """The weighted mean of each label's embeddings, of unit length."""
    sums = np.zeros((int(numbers.max()) + 1, embeddings.shape[1]))
    np.add.at(sums, numbers, embeddings * weights[:, None])
    unit: np.ndarray = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return unit
