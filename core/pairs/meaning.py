"""The checks that need the base model's embeddings: questions that ask nearly the same, and odd pairs out."""

from collections.abc import Callable, Iterable

import numpy as np

from core.pairs.context import Context
from core.pairs.dataset import PairSet
from core.pairs.issue import Fix, Issue, as_rows, count, grouped, name_rows, nouns

#: Cosine above which two questions ask nearly the same. all-MiniLM-L6-v2 on real pairs: at 0.95 nearly all of what it
#: finds are rewordings (the Bedrock questions: 2 pairs of 3,570); at 0.93 many are different questions of one pattern.
NEAR = 0.95
#: An odd pair's answer is further from its question than this share of all other answers; or than the smaller share,
#: and it is also less alike than the usual pair by so many robust standard deviations. On real pairs (85 and 1,192) the
#: second half alone flags 2 % and finds 60 to 77 % of answers that were put in at random.
ODD_RANK, ODD_RANK_IF_LOW, ODD_DEVIATIONS = 0.5, 0.25, 2.0
#: Fewer pairs have no "usual".
_FEWEST = 10
#: Rows of similarities that are in memory at a time.
_BLOCK = 512
#: Columns of them, and pairs that are near, in memory at a time where near ones are looked for.
_ACROSS, _MOST_EDGES = 16_384, 2_000_000


def near_duplicate_groups(pairs: PairSet, context: Context) -> tuple[tuple[int, ...], ...]:
    """Row numbers of questions that ask nearly the same, a tuple a group; () without embeddings. Rows that share the
    very same question stand in the group together."""
    return tuple(rows for rows, _ in _near_groups(pairs, context))


def near_duplicate(pairs: PairSet, context: Context) -> Iterable[Issue]:
    """Questions that ask nearly the same in other words."""
    groups = _near_groups(pairs, context)
    if not groups:
        return
    called = nouns(pairs)["anchor"]
    rows = tuple(sorted(row for group, _ in groups for row in group))
    questions = sum(len(set(keys)) for _, keys in groups)
    others = tuple(
        sorted(row for group, keys in groups for row, key in zip(group, keys, strict=True) if key != keys[0])
    )
    verb = "ask" if called == "question" else "say"
    yield Issue(
        "near-duplicate",
        f"{questions:,} {called}s {verb} nearly the same",
        rows,
        "look",
        f"{name_rows(rows)}. In training, the answer to one would count as wrong for the other. They stay on the"
        " same side when"
        " pairs are held back.",
        Fix("Leave one of each", others, reason="nearly the same as an earlier row"),
        _sampled(pairs, context) if context.near is None else None,
        tuple(group for group, _ in groups),
    )


def odd_pair(pairs: PairSet, context: Context) -> Iterable[Issue]:
    """Pairs that the base model finds much less alike than the others."""
    from core.pairs.checks import right_pairs

    found = _embedded(pairs, context)
    if found is None:
        return
    places, anchors, positives = found
    questions, answers = pairs.keys["anchor"][places], pairs.keys["positive"][places]
    use = right_pairs(pairs)[places] & (questions >= 0) & (answers >= 0) & (questions != answers)
    if use.sum() < _FEWEST:
        return
    places, anchors, positives, questions, answers = (
        part[use] for part in (places, anchors, positives, questions, answers)
    )
    matched = np.einsum("ij,ij->i", anchors, positives)
    better = _share_of_better_answers(anchors, positives, questions, answers, matched)
    usual = np.median(matched)
    deviation = 1.4826 * np.median(np.abs(matched - usual))
    low = matched < usual - ODD_DEVIATIONS * deviation
    odd = np.flatnonzero((better > ODD_RANK) | (low & (better > ODD_RANK_IF_LOW)))
    if not len(odd):
        return
    odd = odd[np.argsort(matched[odd])]
    rows = as_rows(pairs.frame["row"].to_numpy()[places[odd]])
    called = nouns(pairs)
    yield Issue(
        "odd-pair",
        f"{count(len(rows), 'pair stands', 'pairs stand')} out: look at {'it' if len(rows) == 1 else 'these'}",
        rows,
        "look",
        f"{name_rows(rows)}, the least alike first. The base model finds these texts less alike than the others (cosine"
        f" {matched[odd[0]]:.2f} to {matched[odd[-1]]:.2f}, usually {usual:.2f}) and many other"
        f" {called['positive']}s nearer. They may"
        " be right and hard, which is worth training on, or a slip such as an answer in the wrong row.",
        Fix("Leave them out", tuple(sorted(rows)), reason="stood out as an odd pair"),
        _sampled(pairs, context),
    )


def _share_of_better_answers(
    anchors: np.ndarray, positives: np.ndarray, questions: np.ndarray, answers: np.ndarray, matched: np.ndarray
) -> np.ndarray:
    """float [n]: the share of the distinct wrong answers that are more like the question than its own answer is."""
    keys, first = np.unique(answers, return_index=True)
    column = np.searchsorted(keys, answers)
    pool = positives[first]
    share = np.empty(len(anchors))
    by_question: dict[int, set[int]] = {}
    for question, answer in zip(questions.tolist(), column.tolist(), strict=True):
        by_question.setdefault(question, set()).add(answer)
    for start in range(0, len(anchors), _BLOCK):
        block = anchors[start : start + _BLOCK] @ pool.T
        for offset, question in enumerate(questions[start : start + _BLOCK].tolist()):
            right = list(by_question[question])
            block[offset, right] = -np.inf
            share[start + offset] = (block[offset] > matched[start + offset]).sum() / max(1, len(pool) - len(right))
    return share


def near_components(vectors: np.ndarray, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
    """int [n]: equal for ``vectors`` (float32 [n, d], of length 1) that hang together by cosines above ``NEAR``.

    Every two are compared, which takes n x n time; in memory are a block of cosines and a few edges for each vector, even
    where all of them are alike. ``progress(done, all)`` counts vectors, as if each took the same time.
    """
    group, waiting, count = np.arange(len(vectors)), [], 0
    for start in range(0, len(vectors), _BLOCK):
        if progress is not None:  # the first block meets all others, the last one only itself
            progress(round(len(vectors) * (1 - (1 - start / len(vectors)) ** 2)), len(vectors))
        for across in range(start, len(vectors), _ACROSS):
            one, two = np.nonzero(vectors[start : start + _BLOCK] @ vectors[across : across + _ACROSS].T > NEAR)
            edges = np.stack([one + start, two + across])
            waiting.append(edges[:, edges[0] < edges[1]])
            count += waiting[-1].shape[1]
            if count > _MOST_EDGES:
                group, waiting, count = _joined(group, waiting), [], 0
    return _joined(group, waiting)


def _joined(group: np.ndarray, edges: list[np.ndarray]) -> np.ndarray:
    """int [n]: the first member of each one's group, after ``edges`` (int [2, m] each) have joined some of them."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    both = np.concatenate([np.stack([np.arange(len(group)), group]), *edges], axis=1)
    shape = (len(group), len(group))
    labels = connected_components(coo_array((np.ones(both.shape[1], dtype=np.int8), both), shape=shape), directed=False)[1]
    first: np.ndarray = np.unique(labels, return_index=True)[1][labels]
    return first


def near_groups(
    pairs: PairSet, keys: np.ndarray, vectors: np.ndarray, progress: Callable[[int, int], None] | None = None
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """(row numbers, question keys) of each group of rows whose questions ask nearly the same, in the order of first rows.

    Args:
        keys: int [m], rising: the questions that are compared, as ``pairs.keys`` names them.
        vectors: float32 [m, d] of these, of length 1.
        progress: as for ``near_components``.
    """
    all_keys, rows = pairs.keys["anchor"], pairs.frame["row"].to_numpy()
    group_of_key = near_components(vectors, progress)
    kept = np.bincount(group_of_key)[group_of_key] > 1
    keys, group_of_key = keys[kept], group_of_key[kept]
    members = np.flatnonzero(np.isin(all_keys, keys))
    codes = group_of_key[np.searchsorted(keys, all_keys[members])]
    key_of_row = dict(zip(rows[members].tolist(), all_keys[members].tolist(), strict=True))
    return [(group, tuple(key_of_row[row] for row in group)) for group in grouped(rows[members], codes)]


def _near_groups(pairs: PairSet, context: Context) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """``near_groups`` of the set: as they are known, or else from the embeddings of some of its rows."""
    if context.near is not None:
        rows, all_keys = pairs.frame["row"].tolist(), pairs.keys["anchor"].tolist()
        key_of_row = dict(zip(rows, all_keys, strict=True))
        there = (tuple(row for row in group if row in key_of_row) for group in context.near)
        known = ((group, tuple(key_of_row[row] for row in group)) for group in there)
        return [(group, keys) for group, keys in known if len(set(keys)) > 1]
    found = _embedded(pairs, context)
    if found is None:
        return []
    places, anchors, _ = found
    keys, first = np.unique(pairs.keys["anchor"][places], return_index=True)
    return near_groups(pairs, keys[keys >= 0], anchors[first[keys >= 0]])


def _embedded(pairs: PairSet, context: Context) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Positions in the frame of the embedded rows that are in the set, and the vectors of their two sides."""
    if context.embeddings is None:
        return None
    vectors = context.embeddings
    places = {row: place for place, row in enumerate(pairs.frame["row"].tolist())}
    there = np.array([places.get(row, -1) for row in np.asarray(vectors["rows"]).tolist()], dtype=np.int64)
    return there[there >= 0], vectors["anchor"][there >= 0], vectors["positive"][there >= 0]


def _sampled(pairs: PairSet, context: Context) -> str | None:
    if context.embeddings is None or not context.embeddings.get("sampled"):
        return None
    return f"Looked at a sample of {len(context.embeddings['rows']):,} of {len(pairs):,} rows."
