"""The tortures run, find the faults that they are for, and can repeat one trial."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.torture import damage, hostile
from tools.torture.calls import Call
from tools.torture.material import OPERATIONS, Material
from tools.torture.power import Disk, File
from tools.torture.trials import isolated

ROOT = Path(damage.__file__).parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("cc") is None, reason="needs Linux and cc"
)
@pytest.mark.parametrize("name", ["kills", "power", "disk"])
def test_a_few_trials(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.torture", name, "--trials", "4", "--seed", "3"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "4 trials" in done.stdout, done.stderr
    assert done.returncode == 0, done.stdout


def test_damage_is_counted_and_what_comes_back_is_right() -> None:
    # In a process of its own: a trial's memory counts all that the tests have loaded before.
    done = subprocess.run(
        [sys.executable, "-m", "tools.torture", "damage", "--trials", "12", "--seed", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "damage: 12 trials" in done.stdout, done.stderr
    assert done.returncode == 0, done.stdout
    assert "% of images restored" in done.stdout


def test_an_archive_that_lost_an_entry_is_a_fault(tmp_path: Path) -> None:
    material = Material(tmp_path)
    add = next(operation for operation in OPERATIONS if operation.name == "add")
    assert material.faults(material.base, add) == []
    assert material.faults(material.base, add, ended=True) == ["what had been reported was undone"]
    remove = next(operation for operation in OPERATIONS if operation.name == "remove")
    add.run(material.base, material.sources)
    assert material.faults(material.base, remove) == ["half of the operation is there"]
    material.base.write_bytes(material.base.read_bytes()[:5000])
    assert material.faults(material.base, add)[0].startswith("the archive does not open")


def test_processes_that_hang_crash_or_raise_are_told_apart() -> None:
    assert isolated(lambda: 5).value == 5
    assert "ZeroDivisionError" in isolated(lambda: 1 / 0).error
    assert isolated(lambda: os.kill(os.getpid(), signal.SIGTERM)).signal == signal.SIGTERM
    assert isolated(_spin, seconds=1).hung
    killed = isolated(lambda: time.sleep(60), kill_after=0.1)
    assert killed.signal
    assert not killed.hung


def _spin() -> None:
    while True:
        pass


def test_the_model_of_a_disk() -> None:
    folder, file = "/d", "/d/x"
    calls = [
        Call("c", "/d/x-journal", "", 0, b""),
        Call("w", file, "", 0, b"new"),
        Call("s", file, "", 0, b""),
        Call("w", file, "", 1, b"!!"),
    ]
    seen: set[tuple[str, bytes]] = set()
    for seed in range(200):
        disk = Disk(ordered=False, names={file: File(bytearray(b"old"))})
        for call in calls:
            disk.apply(call)
        after = disk.after_cut(random.Random(seed))
        seen |= set(after.items())
    assert seen == {(file, b"new"), (file, b"n!!"), ("/d/x-journal", b"")}
    disk = Disk(ordered=False, names={file: File(bytearray(b"old"))})
    for call in (*calls, Call("s", folder, "", 0, b"")):
        disk.apply(call)
    assert set(disk.after_cut(random.Random(0))) == {file, "/d/x-journal"}


def test_hostile_files_differ_and_sealed_pngs_have_right_checksums() -> None:
    data = hostile.image_files()["PNG"]
    changed = {hostile.mutated(data, random.Random(seed)) for seed in range(50)}
    assert len(changed) > 40
