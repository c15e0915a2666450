"""Power cuts: what a disk may hold when the power goes after any call, by a model of the disk.

The calls of an operation are recorded once. A trial takes the first of them, decides for each
write and each change of a name that no sync has made durable whether it reached the disk, writes
the files that result, and opens the archive. Data reach the disk in sectors. Changes of names and
lengths reach it in order on a journalling file system (ordered), in any order on others.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tools.torture import calls
from tools.torture.calls import Call
from tools.torture.material import OPERATIONS, Material, Operation
from tools.torture.trials import Result, Trial, isolated

_SECTOR = 512


def prepare(folder: Path) -> Trial:
    """The trial, with what it needs in a folder."""
    material = Material(folder)
    recorded: dict[str, list[Call]] = {}

    def trial(random: Random, place: Path) -> Result:
        operation = random.choice(OPERATIONS)
        if operation.name not in recorded:
            recorded[operation.name] = _record(operation, material, folder / "recorded")
        log = recorded[operation.name]
        ordered = random.random() < 0.5
        ended = random.random() < 0.25  # the operation had been reported as done
        cut = len(log) if ended else random.randint(0, len(log))
        disk = Disk(ordered=ordered)
        if not operation.creates:
            disk.names[str(folder / "recorded" / "x.floe")] = File(
                bytearray(material.base.read_bytes())
            )
        for call in log[:cut]:
            disk.apply(call)
        for name, data in disk.after_cut(random).items():
            (place / Path(name).name).write_bytes(data)
        path = place / "x.floe"
        when = "after the end" if ended else "during"
        result = Result(f"{operation.name}, {'' if ordered else 'un'}ordered disk, {when}")
        result.faults += material.faults(path, operation, ended=ended)
        if path.exists() and not result.faults:
            result.faults += material.faults_of_next(path)
        return result

    return trial


def _record(operation: Operation, material: Material, folder: Path) -> list[Call]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path, log = folder / "x.floe", folder.with_suffix(".log")
    if not operation.creates:
        shutil.copyfile(material.base, path)

    def work() -> None:
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        calls.arm(folder, log=file)
        operation.run(path, material.sources)
        calls.disarm()

    ended = isolated(work, seconds=60)
    if ended.error or ended.signal:
        raise RuntimeError(f"{operation.name} failed: {ended.error}")
    return calls.read_log(log)


@dataclass(eq=False)
class File:
    """A file on the disk: what is durable, and the writes and truncations that are not yet."""

    data: bytearray = field(default_factory=bytearray)
    pending: list[Call] = field(default_factory=list)


@dataclass
class Disk:
    """Files by their durable names, and the changes that no sync has made durable."""

    ordered: bool
    names: dict[str, File] = field(default_factory=dict)
    _changes: list[tuple[Call, File | None]] = field(default_factory=list)
    _now: dict[str, File] = field(default_factory=dict)

    def apply(self, call: Call) -> None:
        """Do what the program did; of names and data, only syncs make anything durable."""
        if not self._now:
            self._now = dict(self.names)
        match call.kind:
            case "c":
                self._now[call.path] = file = File()
                self._changes.append((call, file))
            case "w":
                self._now[call.path].pending.append(call)
            case "t":
                file = self._now[call.path]
                file.pending.append(call)
                self._changes.append((call, file))
            case "u":
                self._changes.append((call, self._now.pop(call.path)))
            case "r":
                self._now[call.to] = file = self._now.pop(call.path)
                self._changes.append((call, file))
            case "l":
                self._now[call.to] = file = self._now[call.path]
                self._changes.append((call, file))
            case "s":
                self._sync(call.path)

    def _sync(self, path: str) -> None:
        file = self._now.get(path)
        if file is not None:
            for call in file.pending:
                _write(file.data, call)
            file.pending = []
            self._changes = [
                change for change in self._changes if change[0].kind != "t" or change[1] is not file
            ]
        # A folder's sync makes its names durable. On a journalling file system each sync commits
        # the journal, and with it every earlier change of a name.
        if file is None or self.ordered:
            kept = []
            for call, changed in self._changes:
                if call.kind == "t":
                    kept.append((call, changed))
                else:
                    self._rename(call, changed)
            self._changes = kept

    def after_cut(self, random: Random) -> dict[str, bytes]:
        """The files after a power cut, by name."""
        if self.ordered:
            kept = self._changes[: random.randint(0, len(self._changes))]
        else:
            kept = [change for change in self._changes if random.random() < 0.5]
        for call, file in kept:
            self._rename(call, file)
        lengths = {id(call) for call, _ in kept}
        return {name: _after_cut(file, lengths, random) for name, file in self.names.items()}

    def _rename(self, call: Call, file: File | None) -> None:
        if call.kind in ("u", "r"):
            self.names.pop(call.path, None)
        if call.kind in ("c", "r", "l") and file is not None:
            self.names[call.to or call.path] = file


def _after_cut(file: File, lengths: set[int], random: Random) -> bytes:
    data = bytearray(file.data)
    share = random.choice((0.0, 0.1, 0.5, 0.9, 1.0))
    for call in file.pending:
        if call.kind == "t":
            if id(call) in lengths:
                _write(data, call)
            continue
        for start in range(0, len(call.data), _SECTOR):
            if random.random() < share:
                part = call.data[start : start + _SECTOR]
                _write(data, Call("w", call.path, "", call.offset + start, part))
    return bytes(data)


def _write(data: bytearray, call: Call) -> None:
    end = call.offset + len(call.data)
    if len(data) < end:
        data.extend(bytes(end - len(data)))
    if call.kind == "t":
        del data[call.offset :]
    else:
        data[call.offset : end] = call.data
