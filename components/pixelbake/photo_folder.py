"""A folder of photos as TFRecords."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from pixelbake.errors import InputError
from pixelbake.intake.tfrecord import frame_record

__all__ = ["pack_folder"]

#: What a camera, a scanner or a browser writes. What pixelbake does not decode goes along, to be
#: quarantined by name and not to be missed.
_SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".gif",
        ".bmp",
        ".webp",
        ".tif",
        ".tiff",
        ".heic",
        ".heif",
        ".avif",
    ]
)
_SHARD_BYTES = 128 * 2**20
#: One in so many photos is held out.
_HELD_OUT = 10


def pack_folder(source: str | Path, target: str | Path) -> dict[str, int]:
    """Packs every photo below a folder into TFRecords, a tenth of them for evaluation.

    A photo's bytes are copied as they are. Which split it goes to depends on its contents alone,
    so that photos that are added later move no other, and copies of a photo stay together.

    Args:
        source: The folder. Its subfolders are the classes, numbered in order of their names.
        target: The folder for `train-SSSSS.tfrecord` and `eval-SSSSS.tfrecord`; must not hold any.

    Returns:
        The number of photos by split. Each Example has `image`, `file` (its path below `source`)
        and, where there are classes, `label` (int64) and `class` (its name).

    Raises:
        InputError: There is no photo, or TFRecords are there already.
    """
    source, target = Path(source), Path(target)
    photos = sorted(
        path for path in source.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file()
    )
    if not photos:
        raise InputError(f"{source} holds no photo (looked for {', '.join(sorted(_SUFFIXES))}).")
    if any(target.glob("*.tfrecord")):
        raise InputError(f"{target} holds TFRecords already. Remove them, or start elsewhere.")
    names = [path.relative_to(source).parts for path in photos]
    classes = sorted({parts[0] for parts in names if len(parts) > 1})
    target.mkdir(parents=True, exist_ok=True)
    splits: dict[str, list[bytes]] = {"train": [], "eval": []}
    counts = dict.fromkeys(splits, 0)
    shards = dict.fromkeys(splits, 0)

    def flush(split: str) -> None:
        path = target / f"{split}-{shards[split]:05d}.tfrecord"
        path.write_bytes(b"".join(splits[split]))
        shards[split] += 1
        splits[split].clear()

    for split, record in _records(photos, names, classes):
        splits[split].append(frame_record(record))
        counts[split] += 1
        if sum(map(len, splits[split])) >= _SHARD_BYTES:
            flush(split)
    for split, records in splits.items():
        if records:
            flush(split)
    return {split: count for split, count in counts.items() if count}


def _records(
    photos: list[Path], names: list[tuple[str, ...]], classes: list[str]
) -> Iterator[tuple[str, bytes]]:
    for path, parts in zip(photos, names, strict=True):
        data = path.read_bytes()
        held_out = int.from_bytes(hashlib.sha256(data).digest()[:4], "big") % _HELD_OUT == 0
        example = tf.train.Example()
        features = example.features.feature
        features["image"].bytes_list.value.append(data)
        features["file"].bytes_list.value.append("/".join(parts).encode("utf-8", "replace"))
        if classes:
            name = parts[0] if len(parts) > 1 else ""
            features["label"].int64_list.value.append(classes.index(name) if name else -1)
            features["class"].bytes_list.value.append(name.encode("utf-8", "replace"))
        yield "eval" if held_out else "train", example.SerializeToString(deterministic=True)
