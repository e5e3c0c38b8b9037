import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.training.batches import BalancedBatches


def batches(rows, size, texts=None, seed=1, epoch=0):
    sampler = BalancedBatches(rows, size, texts, seed)
    sampler.set_epoch(epoch)
    found = list(sampler)
    assert len(found) == len(sampler)
    return found


@given(rows=st.integers(2, 300), size=st.integers(2, 64), seed=st.integers(0, 5))
def test_without_shared_texts_every_row_is_there_once_and_sizes_differ_by_one(rows, size, seed):
    found = batches(rows, size, np.arange(2 * rows).reshape(rows, 2), seed)
    assert sorted(row for batch in found for row in batch) == list(range(rows))
    sizes = [len(batch) for batch in found]
    assert max(sizes) <= size and max(sizes) - min(sizes) <= 1


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(31, 60)), min_size=2, max_size=200), st.integers(2, 40))
def test_no_batch_holds_a_text_twice(pairs, size):
    texts = np.array(pairs)
    for batch in batches(len(texts), size, texts):
        assert batch and len(batch) <= size
        for a in range(len(batch)):
            for b in range(a):
                assert not set(texts[batch[a]]) & set(texts[batch[b]])


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(31, 60)), min_size=2, max_size=200), st.integers(2, 40))
def test_a_row_is_left_out_only_where_every_batch_has_its_text_or_is_full(pairs, size):
    texts = np.array(pairs)
    found = batches(len(texts), size, texts)
    inside = [row for batch in found for row in batch]
    assert len(inside) == len(set(inside))
    full = -(-len(texts) // len(found))
    for row in set(range(len(texts))) - set(inside):
        for batch in found:
            assert len(batch) >= full or any(set(texts[row]) & set(texts[other]) for other in batch)


def test_a_text_shared_by_a_few_rows_does_not_cost_any_of_them():
    texts = np.array([[0, 100 + row] for row in range(4)] + [[row, 200 + row] for row in range(1, 61)])
    found = batches(64, 32, texts)
    assert sorted(row for batch in found for row in batch) == list(range(64))
    assert len(found) == 4


def test_nobody_looks_for_a_place_where_every_batch_has_the_text(monkeypatch):
    """One answer to half of all questions: the search for a free batch would be most of the start of a large run."""
    looked = []

    class Watched(set):
        def isdisjoint(self, other):
            looked.append(1)
            return super().isdisjoint(other)

    monkeypatch.setattr("core.training.batches.set", Watched, raising=False)
    rows = 4000
    texts = np.stack([np.arange(rows), np.where(np.arange(rows) % 2, rows, rows + 1 + np.arange(rows))], axis=1)
    found = batches(rows, 64, texts)
    assert sum(map(len, found)) == rows // 2 + len(found)
    assert len(looked) < 10 * rows


def test_sixty_eight_pairs_at_sixty_four_make_no_batch_of_four():
    assert [len(batch) for batch in batches(68, 64)] == [34, 34]


def test_order_follows_from_seed_and_pass():
    assert batches(50, 8, seed=3, epoch=2) == batches(50, 8, seed=3, epoch=2)
    assert batches(50, 8, seed=3, epoch=2) != batches(50, 8, seed=3, epoch=1)
    assert batches(50, 8, seed=3) != batches(50, 8, seed=4)


@given(st.integers(8, 60), st.integers(4, 16), st.integers(2, 4), st.integers(0, 3))
def test_processes_share_each_batch_equally_and_nobody_gets_what_another_has(rows, size, places, epoch):
    def of(place: int, places: int) -> list[list[int]]:
        batches = BalancedBatches(rows, size, None, 5, place, places)
        batches.set_epoch(epoch)
        return list(batches)

    shares = [of(place, places) for place in range(places)]
    for whole, *parts in zip(of(0, 1), *shares, strict=True):
        assert {len(part) for part in parts} == {len(whole) // places}
        together = [row for part in parts for row in part]
        assert len(set(together)) == len(together) > len(whole) - places and set(together) <= set(whole)
