from pipeline.flower_crops import flower_crops


def test_crops_to_learn_from_and_held_out_crops_share_no_pixel():
    columns = {}
    for split in ("train", "eval"):
        crops = [crop for crop, _ in flower_crops(split)]
        columns[split] = {crop[:, x].tobytes() for crop in crops for x in range(crop.shape[1])}
    assert len(columns["train"]) > 1000
    assert not columns["train"] & columns["eval"]
