import pytest

from pixelbake.job.batching import (
    MAX_BATCH_PIXELS,
    MAX_BATCH_SIZE,
    batches_by_pixels,
    pixels_in_work,
)
from pixelbake.plain.parts import Resize


def batches(sizes):
    return list(batches_by_pixels(sizes, lambda size: size))


def test_no_items_make_no_batch():
    assert batches([]) == []


@pytest.mark.parametrize(
    ("count", "lengths"), [(1, [1]), (63, [63]), (64, [64]), (65, [64, 1]), (192, [64, 64, 64])]
)
def test_a_batch_has_at_most_64_items(count, lengths):
    assert MAX_BATCH_SIZE == 64
    assert [len(batch) for batch in batches([224 * 224] * count)] == lengths


def test_a_batch_has_at_most_4_million_pixels():
    assert MAX_BATCH_PIXELS == 4_000_000
    assert batches([1_000_000] * 5) == [[1_000_000] * 4, [1_000_000]]
    assert batches([2_000_000, 2_000_001]) == [[2_000_000], [2_000_001]]


def test_a_large_image_is_a_batch_of_its_own_and_holds_nothing_up():
    assert batches([1, 12_000_000, 2, 3]) == [[1], [12_000_000], [2, 3]]
    assert batches([12_000_000, 12_000_001]) == [[12_000_000], [12_000_001]]


def test_images_without_pixels_are_bounded_by_their_number():
    assert [len(batch) for batch in batches([0] * 130)] == [64, 64, 2]


def test_the_items_come_out_in_the_order_they_went_in():
    sizes = [(n * 7_919) % 3_000_000 for n in range(500)]
    made = batches(sizes)
    assert [size for batch in made for size in batch] == sizes
    assert all(batch and len(batch) <= 64 and sum(batch) <= 4_000_000 for batch in made)
    assert len(made) > 500 / 64


def test_a_batch_is_given_before_the_rest_is_read():
    read = []

    def items():
        for number in range(1_000):
            read.append(number)
            yield number

    first = next(batches_by_pixels(items(), lambda _: 2_000_000))
    assert first == [0, 1]
    assert read == [0, 1, 2]


def test_each_batch_is_a_list_of_its_own():
    made = batches([5_000_000, 6_000_000])
    made[0].clear()
    assert made[1] == [6_000_000]


def test_a_photograph_that_is_resized_counts_as_what_the_layers_see_of_it_and_a_part_of_itself():
    assert pixels_in_work(12_000_000, None) == 12_000_000
    small = pixels_in_work(12_000_000, Resize(height=224, width=224))
    assert 224 * 224 < small < 12_000_000 / 4
    assert pixels_in_work(100, Resize(height=4000, width=3000)) >= 12_000_000


def test_photographs_that_are_resized_share_a_batch_but_never_many():
    resize = Resize(height=224, width=224)
    assert len(batches([pixels_in_work(12_000_000, resize)] * 9)[0]) == 2
    assert len(batches([pixels_in_work(25_000_000, resize)] * 9)[0]) == 1
