"""The transform graph over one batch of admitted records."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pixelbake.errors import TransformError
from pixelbake.intake.reasons import Quarantined, Reason
from pixelbake.job.record_gate import Admitted
from pixelbake.plain.parts import Feature
from pixelbake.transform_graph import load_transform

__all__ = ["DATA_ERRORS", "BatchTransform"]

#: Faults of the data: what TensorFlow's kernels raise for bytes they can't decode and images
#: that a layer can't take. Anything else (no memory, no file) is not the record's fault.
DATA_ERRORS = (tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError, tf.errors.DataLossError)

_CANARY_SIZE = 256

#: What TensorFlow says around an error; the lines between say what was wrong.
_FRAME = re.compile(
    r"\[\[|^Graph execution error|Detected at|stack traces unavailable|root error|^\(\d+\)"
    r"|^File \"|successful operations|derived errors"
)


class BatchTransform:
    """Applies the run's own transform graph, the very one that serving will use.

    Args:
        graph: Folder of the transform graph.
        image_features: Names of the features that hold encoded images; the first is written.
        passthrough: Features that are copied to the output unchanged, by name.
    """

    def __init__(
        self, graph: str, image_features: Sequence[str], passthrough: Mapping[str, Feature]
    ) -> None:
        self._names = tuple(image_features)
        self._passthrough = tuple(passthrough)
        # The loaded SavedModel owns the function's resources: it has to stay alive.
        self._loaded, transform = load_transform(graph)
        signature = [tf.TensorSpec((None,), tf.string)] * len(self._names)

        @tf.function(input_signature=signature, autograph=False)
        def images_of(*encoded: Any) -> Any:
            return transform(dict(zip(self._names, encoded, strict=True)))[self._names[0]]

        self._images_of = images_of

    def check_canary(self) -> None:
        """Transforms a picture that is certainly good.

        Raises:
            TransformError: The graph fails on it: the recipe is wrong, not the data.
        """
        ramp = np.arange(_CANARY_SIZE, dtype=np.uint8)
        picture = np.stack([np.add.outer(ramp * k, ramp).astype(np.uint8) for k in (1, 2, 3)], -1)
        encoded = tf.io.encode_png(picture).numpy()
        try:
            self._run([(encoded,) * len(self._names)])
        except tf.errors.OpError as error:
            raise TransformError(
                f"the transform graph fails on a good {_CANARY_SIZE} x {_CANARY_SIZE} PNG, so "
                f"nothing was read: {_first_line(error)}"
            ) from error

    def __call__(self, batch: Sequence[Admitted]) -> list[bytes | Quarantined]:
        """Transforms a batch; one bad record costs only itself.

        Args:
            batch: Records that passed the gate.

        Returns:
            For each, in order: the serialised output Example, or why there is none.
        """
        try:
            images = self._run([one.images for one in batch])
        except DATA_ERRORS as error:
            if len(batch) == 1:
                return [_refuse(batch[0], error)]
            return [result for one in batch for result in self([one])]
        return [self._example(one, image) for one, image in zip(batch, images, strict=True)]

    def _run(self, encoded: Sequence[tuple[bytes, ...]]) -> Any:
        columns = [tf.constant(column, tf.string) for column in zip(*encoded, strict=True)]
        return self._images_of(*columns).numpy()

    def _example(self, admitted: Admitted, image: Any) -> bytes:
        example = tf.train.Example()
        features = example.features.feature
        for name in self._passthrough:
            if name in admitted.example.features.feature:
                features[name].CopyFrom(admitted.example.features.feature[name])
            else:
                features[name].SetInParent()
        if isinstance(image, bytes):
            features[self._names[0]].bytes_list.value.append(image)
        else:
            # A packed repeated float field is the bytes of the array: 50 times faster than
            # handing 150,528 Python floats to extend().
            values = np.ascontiguousarray(image, "<f4").tobytes()
            features[self._names[0]].float_list.MergeFromString(
                b"\x0a" + _varint(len(values)) + values
            )
        return bytes(example.SerializeToString(deterministic=True))


def _refuse(admitted: Admitted, error: Exception) -> Quarantined:
    text = _first_line(error)
    is_decoding = any(name in str(error) for name in ("Decode", "decode", "JPEG", "PNG"))
    if is_decoding:
        return admitted.record.quarantined(Reason.DECODE_FAILED, text)
    message = f"a layer can't take the image, which may be too small for it: {text}"
    return admitted.record.quarantined(Reason.TRANSFORM_FAILED, message)


def _first_line(error: Exception) -> str:
    """Returns TensorFlow's own words, without the graph's node names and stack."""
    text = str(getattr(error, "message", error))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    detail = next((line for line in lines if not _FRAME.search(line)), "")
    return detail.replace("{{", "").replace("}}", "")


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
