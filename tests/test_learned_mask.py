import json
from pathlib import Path

import pytest

from pipeline.flower_crops import flower_crops
from pipeline.learned_mask import learn_bake_and_apply

MANIFEST = "masked/manifest.json"


@pytest.mark.slow
def test_a_mask_that_is_learned_baked_and_applied_at_scale_is_better_than_none(tmp_path: Path):
    figures = learn_bake_and_apply(tmp_path)
    assert figures.without_mask < figures.guessing
    assert figures.with_mask < 0.6 * figures.without_mask
    assert figures.in_flower > figures.elsewhere + 0.3
    assert figures.served == 200
    assert figures.largest_skew < 1e-5
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert manifest["weights_hashes"] == {"layers[0]": figures.weights_hash}
    assert manifest["recipe"]["layers"][0]["layer"] == "ConditionalPixelTransform"


def test_crops_to_learn_from_and_held_out_crops_share_no_pixel():
    columns = {}
    for split in ("train", "eval"):
        crops = [crop for crop, _ in flower_crops(split)]
        columns[split] = {crop[:, x].tobytes() for crop in crops for x in range(crop.shape[1])}
    assert len(columns["train"]) > 1000
    assert not columns["train"] & columns["eval"]
