"""Says in what two recipes differ."""

from __future__ import annotations

from typing import Any

from pixelbake.recipe import Recipe

__all__ = ["recipe_differences"]


def recipe_differences(run: Recipe, export: Recipe) -> list[str]:
    """Returns a line for each difference, such as `layers[1].config.factor: 1.2 in the run, ...`.

    Args:
        run: The recipe that the run was made with.
        export: The recipe that the model was exported with.
    """
    if run == export:
        return []
    return list(_differences("", run.model_dump(mode="json"), export.model_dump(mode="json")))


def _differences(at: str, run: Any, export: Any) -> list[str]:
    if run == export:
        return []
    if isinstance(run, dict) and isinstance(export, dict):
        return [
            line
            for name in dict.fromkeys([*run, *export])
            for line in _differences(
                f"{at}.{name}" if at else name, run.get(name), export.get(name)
            )
        ]
    if isinstance(run, list) and isinstance(export, list) and _are_layers_or_weights(at):
        lines = [
            line
            for i, (one, other) in enumerate(zip(run, export, strict=False))
            for line in _differences(f"{at}[{i}]", one, other)
        ]
        if len(run) != len(export):
            lines.append(f"{at}: {len(run)} in the run, {len(export)} in the export")
        return lines
    if at.endswith(".data"):
        return [f"{at.removesuffix('.data')}: other values in the run than in the export"]
    return [f"{at}: {_short(run)} in the run, {_short(export)} in the export"]


def _are_layers_or_weights(at: str) -> bool:
    return at == "layers" or at.endswith(".weights")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
