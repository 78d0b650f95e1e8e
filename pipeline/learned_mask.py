"""`make demo-mask`: a TFX pipeline learns a mask, and its next run applies it and serves it."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import shutil
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

OUTPUT = Path(__file__).resolve().parent.parent / "demo-output" / "learned-mask"
TRAIN_STEPS = 480


def main() -> None:
    """Runs the pipeline twice, prints the figures, and writes them into a page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, help="write figures and pictures into this page")
    page = parser.parse_args().page
    if find_spec("tfx") is None:
        sys.exit(
            "This stack has no TFX, and the mask is learned in a TFX pipeline. "
            "`make demo-mask LINE=tfx116` (or tfx121) has it."
        )
    warnings.simplefilter("ignore")
    from pipeline.flower_crops import write_flower_crops
    from pipeline.local_runner import show_components_only
    from pipeline.mask_figures import held_out_images, read_figures
    from pipeline.mask_runner import run_next
    from pipeline.masks_page import write_learned_mask_picture, write_masks_page

    shutil.rmtree(OUTPUT, ignore_errors=True)
    data, root, serving = OUTPUT / "crops", OUTPUT / "pipeline", OUTPUT / "serving"
    write_flower_crops(data)
    show_components_only()
    for title in (
        "First run: no mask yet; the trainer learns one",
        "Second run: the mask is in the recipe",
    ):
        print(f"\n{title}", flush=True)
        run_next(data, root, serving, TRAIN_STEPS)

    figures = read_figures(root)
    print("\nHow much of a held-out crop is flower, mean absolute error:")
    for name, error in figures.rows():
        print(f"  {error:.3f}  {name}")
    print(
        f"The mask's mean: {figures.in_flower:.2f} in the flower, {figures.elsewhere:.2f} outside."
    )
    print(
        f"ServingCheck, {figures.compared} raw crops through the export: "
        f"off by {figures.largest_skew:.1g}."
    )
    print(f"SHA-256 of the baked weights: {figures.weights_hash}")
    images = held_out_images(root)
    picture = OUTPUT / "learned-mask.png"
    write_learned_mask_picture(images, picture)
    print(f"Everything is in {OUTPUT.parent.name}/{OUTPUT.name}/, and a picture: {picture.name}")
    if page is not None:
        write_masks_page(page, figures, images)
    if len(list(serving.glob("*/saved_model.pb"))) < 2:
        sys.exit("The second model was not pushed: Evaluator or ServingCheck has not blessed it.")


if __name__ == "__main__":
    main()
