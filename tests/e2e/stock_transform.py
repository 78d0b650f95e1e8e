"""What a user of the stock Transform component would name as its preprocessing_fn."""

from pathlib import Path

import pixelbake

CONFIG = Path(__file__).parents[2] / "pipeline" / "configs" / "digits.yaml"

preprocessing_fn = pixelbake.make_preprocessing_fn(pixelbake.recipe_from_yaml(CONFIG))
