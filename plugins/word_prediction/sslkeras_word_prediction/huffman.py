"""Huffman's code of words: frequent ones have short codes.

D. A. Huffman, "A Method for the Construction of Minimum-Redundancy Codes", Proceedings of the
IRE, 1952. F. Morin, Y. Bengio, "Hierarchical Probabilistic Neural Network Language Model",
AISTATS 2005 (the tree as an output layer).
"""

import numpy as np


def huffman_paths(counts):
    """The way from the root of the tree to each word.

    Args:
        counts: int `(words,)`. Words with a count of 0 are not in the tree.

    Returns:
        int32 `(words, longest)`: at each step node + 1 with the sign of the branch, positive for
        bit 0 and negative for bit 1; 0 behind the end of a code. There is one node less than
        words in the tree; the root is the last one.
    """
    counts = np.asarray(counts, np.int64)
    # Two queues: words from the rarest on, and nodes, which are made in rising order.
    order = np.argsort(counts, kind="stable")
    order = order[counts[order] > 0]
    leaves = len(order)
    weight = np.concatenate([counts[order], np.zeros(max(leaves - 1, 0), np.int64)]).tolist()
    parent, bit = [0] * len(weight), [0] * len(weight)
    leaf, node = 0, leaves
    for made in range(leaves, 2 * leaves - 1):
        for branch in (1, 0):
            if leaf < leaves and (node >= made or weight[leaf] <= weight[node]):
                taken, leaf = leaf, leaf + 1
            else:
                taken, node = node, node + 1
            weight[made] += weight[taken]
            parent[taken], bit[taken] = made, branch
    parent, bit = np.array(parent, np.int64), np.array(bit, np.int64)
    steps = []
    at, active = np.arange(leaves), np.full(leaves, leaves > 1)
    while active.any():
        sign = np.where(bit[at] == 0, 1, -1)
        steps.append(np.where(active, sign * (parent[at] - leaves + 1), 0))
        at = np.where(active, parent[at], at)
        active &= at < len(parent) - 1
    found = np.zeros((leaves, max(len(steps), 1)), np.int32)
    if steps:
        # From word to root as they were found: turned round, with the zeros behind.
        upward = np.stack(steps, axis=1)
        length = (upward != 0).sum(axis=1)
        place = np.arange(upward.shape[1])
        from_root = np.maximum(length[:, None] - 1 - place, 0)
        turned = np.take_along_axis(upward, from_root, axis=1)
        found = np.where(place < length[:, None], turned, 0).astype(np.int32)
    paths = np.zeros((len(counts), found.shape[1]), np.int32)
    paths[order] = found
    return paths
