"""One output shard and its quarantine, and the books about them."""

from __future__ import annotations

import gzip
import uuid
from collections import Counter
from contextlib import ExitStack
from typing import Any, BinaryIO

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from pixelbake.errors import RunError
from pixelbake.files import write_bytes
from pixelbake.intake.reasons import Quarantined
from pixelbake.intake.tfrecord import frame_record
from pixelbake.job.quarantine import quarantine_example
from pixelbake.job.run_folders import RunFolders
from pixelbake.job.shards import ShardResult, ShardTask
from pixelbake.job.staging import PART_SUFFIX

__all__ = ["ShardWriter"]


class ShardWriter:
    """Writes one shard and its quarantine, and keeps its books.

    The files carry names of their own until they are whole. Another attempt at the same shard
    can't meet them, and the last step of each attempt makes the same files.
    """

    def __init__(self, task: ShardTask, folders: RunFolders) -> None:
        self._task = task
        self._folders = folders
        self._name = folders.shard_name(task)
        stem = self._name.rsplit(".", 1)[0]
        self._examples = f"{folders.examples}/Split-{task.split}/{self._name}"
        self._quarantine = f"{folders.quarantine}/Split-{task.split}/{stem}.tfrecord"
        self._part = f"{PART_SUFFIX}{uuid.uuid4().hex[:12]}"
        self._files: dict[str, BinaryIO] = {}
        self._closing = ExitStack()
        self._reasons: Counter[str] = Counter()
        self._file_faults: list[str] = []
        self._written = 0
        self._bytes = 0
        self.bad = 0
        self.read = 0
        self.bytes_read = 0

    def __enter__(self) -> ShardWriter:
        self._open(self._examples)
        return self

    def put(self, result: bytes | Quarantined) -> None:
        """Writes one output Example, or one record to the quarantine."""
        if isinstance(result, bytes):
            framed = frame_record(result)
            self._open(self._examples).write(framed)
            self._written += 1
            self._bytes += len(framed)
            return
        self._reasons[result.reason.value] += 1
        if result.reason.is_file_fault:
            self._file_faults.append(result.reason.value)
        else:
            self.bad += 1
        self._open(self._quarantine).write(frame_record(quarantine_example(result)))

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._closing.close()
        if kind is not None:
            FileSystems.delete([path + self._part for path in self._files])
            return
        result = self.result
        if result.read != result.written + result.quarantined:
            raise RunError(
                f"{self._task.path}: {result.read} records read, but {result.written} written and "
                f"{result.quarantined} quarantined. This is a defect of pixelbake."
            )
        FileSystems.rename([path + self._part for path in self._files], list(self._files))
        if self._folders.results:
            write_bytes(
                self._folders.result_path(self._task), (result.model_dump_json() + "\n").encode()
            )

    @property
    def result(self) -> ShardResult:
        """The shard's books as they stand."""
        return ShardResult(
            split=self._task.split,
            index=self._task.index,
            input=self._task.path,
            output=self._name,
            read=self.read,
            written=self._written,
            quarantined=self.bad,
            reasons=dict(sorted(self._reasons.items())),
            file_faults=tuple(self._file_faults),
            bytes_written=self._bytes,
        )

    def _open(self, path: str) -> BinaryIO:
        if path not in self._files:
            file = FileSystems.create(
                path + self._part, compression_type=CompressionTypes.UNCOMPRESSED
            )
            self._closing.callback(file.close)
            if path.endswith(".gz"):
                file = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=0, mtime=0)
                self._closing.callback(file.close)
            self._files[path] = file
        return self._files[path]
