"""`make demo`: real images through a real job and a real TFX pipeline, then one is served."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.simplefilter("ignore")

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parent / "demo-output"
TRAIN_STEPS = 400


def main() -> None:
    """Runs the demo; fails if the model is not good enough to be pushed."""
    start = time.monotonic()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    _photographs()
    try:
        import tfx  # noqa: F401
    except ModuleNotFoundError:
        print(
            "\nThis stack has no TFX, so the pipeline is left out (make demo LINE=tfx116 has it)."
        )
        return
    pushed = _pipeline()
    _serve(pushed)
    print(f"\nDone in {time.monotonic() - start:.0f} s. Everything is in {OUTPUT.name}/.")


def _photographs() -> None:
    _title("Two photographs, as 30 JPEG crops in TFRecords, through the Beam job")
    import pixelbake
    from pipeline.photos import transform_photos
    from pipeline.picture import write_picture

    run = transform_photos(OUTPUT)
    counts = pixelbake.read_manifest(str(run)).splits["photos"]
    print(f"{counts.read} read, {counts.written} written, {counts.quarantined} quarantined")
    write_picture(run, "photos", OUTPUT / "photos.png")
    print(f"before and after: {OUTPUT.name}/photos.png")


def _pipeline() -> Path:
    _title("1,797 scanned digits through a TFX pipeline")
    import pixelbake
    from pipeline.digits import write_digits
    from pipeline.local_runner import run_locally, show_components_only
    from pipeline.pipeline import MIN_ACCURACY, create_components

    counts = write_digits(OUTPUT / "digits")
    print(", ".join(f"{count} for {split}" for split, count in counts.items()))
    components = create_components(
        data=OUTPUT / "digits",
        recipe=pixelbake.recipe_from_yaml(HERE / "configs" / "digits.yaml"),
        serving=OUTPUT / "serving",
        train_steps=TRAIN_STEPS,
    )
    show_components_only()
    run_locally(components, OUTPUT / "pipeline")

    accuracy = _accuracy(OUTPUT / "pipeline" / "artifacts" / "Evaluator" / "evaluation")
    print(f"accuracy on {counts['eval']} held-out scans: {accuracy:.2%}")
    pushed = sorted((OUTPUT / "serving").glob("*/saved_model.pb"))
    if not pushed:
        sys.exit(f"The model was not pushed: Evaluator asks for an accuracy of {MIN_ACCURACY:.0%}.")
    return pushed[-1].parent


def _accuracy(evaluations: Path) -> float:
    import tensorflow_model_analysis as tfma

    (evaluation,) = evaluations.iterdir()
    metrics = tfma.load_eval_result(str(evaluation)).get_metrics_for_slice()
    return float(metrics["sparse_categorical_accuracy"]["doubleValue"])


def _serve(pushed: Path) -> None:
    _title("The pushed model, asked by a script that imports only TensorFlow and NumPy")
    from pipeline.digits import digit_examples

    script = HERE / "serve_digit.py"
    for example in digit_examples()["eval"][:3]:
        label = example.features.feature["label"].int64_list.value[0]
        image = OUTPUT / f"digit-{label}.png"
        image.write_bytes(example.features.feature["image"].bytes_list.value[0])
        command = [sys.executable, str(script), str(pushed), str(image)]
        shown = " ".join(str(Path(part).relative_to(OUTPUT.parent)) for part in command[1:])
        print(f"$ python {shown}")
        answer = subprocess.run(
            command, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ).stdout
        print(answer.strip())
        if int(answer.split()[0]) != label:
            print(f"  (the label says {label}: it is one of those that the model gets wrong)")


def _title(text: str) -> None:
    print(f"\n{text}", flush=True)


if __name__ == "__main__":
    main()
