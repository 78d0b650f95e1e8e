"""The verdict on an exported model."""

from __future__ import annotations

import json

from pixelbake.plain.parts import Part
from pixelbake.verify.pixel_difference import Bound, PixelDifference

__all__ = ["GoldenCheck", "PredictionDifference", "Verification", "WorstRecord"]


class PredictionDifference(Part):
    """How far one output of one signature is from the model's output on the run's own images.

    Attributes:
        signature: The signature that was given raw records.
        output: The model's output.
        largest: The largest difference; None where they can't be compared.
        bound: What is allowed.
    """

    signature: str
    output: str
    largest: float | None
    bound: float

    @property
    def is_within(self) -> bool:
        """Whether the difference is allowed."""
        return self.largest is not None and self.largest <= self.bound


class WorstRecord(Part):
    """The record that differs most.

    Attributes:
        split: Its split.
        file: Its input file.
        index: Its number in that file, from 0.
        offset: Where it starts there, in bytes of the unpacked file.
        pixels: How far the served pixels are off.
        error: What the export said, if it couldn't transform the record.
        stage: Where the way of the export first differs from the way of the run: `decode`,
            `resize`, `layers[i]`, `quantise` or `encode`; `model` where the pixels are equal; None
            if the two ways are the same here and now, so that the run's images were made
            otherwise, or if it can't be told.
        picture: The file with the picture of the difference, if one was asked for.
    """

    split: str
    file: str
    index: int
    offset: int
    pixels: PixelDifference
    error: str | None = None
    stage: str | None = None
    picture: str | None = None


class GoldenCheck(Part):
    """How far an export's pixels of its golden Examples are from what they were when it was made.

    Attributes:
        serving_model: The export's folder.
        examples: How many golden Examples there are.
        damaged: How many of their pixels don't have the SHA-256 that stands beside them.
        pixels: How far the pixels are off, over all of them.
        bound: How far they may be.
    """

    serving_model: str
    examples: int
    damaged: int
    pixels: PixelDifference
    bound: Bound

    @property
    def consistent(self) -> bool:
        """Whether the export does here what it did where it was made."""
        return self.damaged == 0 and self.pixels.is_within(self.bound)

    def to_json(self) -> str:
        """Returns everything as JSON, the verdict under `consistent`."""
        return _with_verdict(self.consistent, self.model_dump_json(indent=1))

    def __str__(self) -> str:
        """The verdict in words."""
        verdict = "consistent" if self.consistent else "SKEW"
        return f"{verdict}: {self.serving_model}, {self.in_short}"

    @property
    def in_short(self) -> str:
        """The finding without the verdict."""
        found = f"{self.damaged} are damaged" if self.damaged else self.pixels.in_words()
        return f"{self.examples} golden Examples: {found}"


def _with_verdict(consistent: bool, fields: str) -> str:
    return f'{{\n "consistent": {"true" if consistent else "false"},{fields[1:]}'


class Verification(Part):
    """What `verify_serving_model` found.

    Attributes:
        run: The run's folder.
        serving_model: The export's folder.
        records: How many records were compared.
        of: How many the run wrote.
        skewed: How many of the compared differ by more than the bound, or failed.
        pixels: How far the served pixels are off, over all compared records.
        bound: How far they may be.
        predictions: How far the predictions are off, by signature and output.
        recipe_differences: In what the recipe of the export differs from that of the run.
        worst: The record that differs most, None without skew.
        golden: What became of the export's golden Examples, None where it has none.
    """

    run: str
    serving_model: str
    records: int
    of: int
    skewed: int
    pixels: PixelDifference
    bound: Bound
    predictions: tuple[PredictionDifference, ...]
    recipe_differences: tuple[str, ...] = ()
    worst: WorstRecord | None = None
    golden: GoldenCheck | None = None

    @property
    def is_consistent_with_run(self) -> bool:
        """Whether the export does to raw records what the run did."""
        return (
            self.skewed == 0
            and self.pixels.is_within(self.bound)
            and all(one.is_within for one in self.predictions)
        )

    @property
    def consistent(self) -> bool:
        """The verdict: consistent with the run, and with itself where it was made."""
        return self.is_consistent_with_run and (self.golden is None or self.golden.consistent)

    def with_picture(self, path: str) -> Verification:
        """Returns the same with the picture elsewhere."""
        worst = self.worst and self.worst.model_copy(update={"picture": path})
        return self.model_copy(update={"worst": worst})

    def to_json(self) -> str:
        """Returns everything as JSON, the verdict under `consistent`."""
        return _with_verdict(self.consistent, self.model_dump_json(indent=1))

    @classmethod
    def from_json(cls, text: str) -> Verification:
        """Reads what `to_json` wrote.

        Raises:
            ValueError: It is something else.
        """
        fields = json.loads(text)
        if isinstance(fields, dict):
            fields.pop("consistent", None)  # it follows from the others
        return cls.model_validate_json(json.dumps(fields))

    @property
    def findings(self) -> list[tuple[str, str]]:
        """What was found, line by line: what was compared, and how it came out."""
        skewed = f", too much in {self.skewed} records" if self.skewed else ""
        lines = [("pixels", self.pixels.in_words() + skewed)]
        for one in self.predictions:
            if one.largest is None:
                found = "can't be compared"
            else:
                found = f"{one.largest:.3g} apart at most"
            mark = "" if one.is_within else ", too far"
            lines.append(
                (
                    f"predictions of {one.signature}, {one.output}",
                    f"{found} ({one.bound:.3g} allowed){mark}",
                )
            )
        lines += [("recipe", line) for line in self.recipe_differences]
        if self.golden is not None:
            title, found = self.golden.in_short.split(": ", 1)
            lines.append((title, found))
        return lines + ([] if self.worst is None else _worst_in_words(self.worst))

    def __str__(self) -> str:
        """The verdict in words."""
        verdict = (
            f"{'consistent' if self.consistent else 'SKEW'}: {self.serving_model} against "
            f"{self.run}, {self.records} of {self.of} records"
        )
        lines = [verdict, *(f"  {title}: {found}" for title, found in self.findings)]
        if self.worst is not None and self.worst.picture is not None:
            lines.append(f"  picture of the difference: {self.worst.picture}")
        return "\n".join(lines)


def _worst_in_words(worst: WorstRecord) -> list[tuple[str, str]]:
    where = f"{worst.file}, record {worst.index} at byte {worst.offset} (split {worst.split})"
    lines = [("worst record", where)]
    if worst.error is not None:
        lines.append(("the export fails on it", worst.error))
    otherwise = "the run's images were made by another graph, library version or processor"
    if worst.stage is None:
        lines.append(("run and export do the same to it here and now", otherwise))
    else:
        lines.append(("first differs at", worst.stage))
    return lines
