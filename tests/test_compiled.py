"""Compiled functions and their cache: it saves time, and decides about nothing."""

from __future__ import annotations

import importlib.util
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import compiled as module
from core.compiled import UncacheableError, cache_folder, compiled, fingerprint

_CONSTANTS = "FACTOR = {factor}\n"

_LOOP = """
from core.compiled import compiled, inlined
from constants_of_a_test import FACTOR

@inlined
def innermost(x):
    return x * FACTOR

@compiled
def inner(x):
    return innermost(x)

@compiled
def scaled(x):
    return inner(x) + 1
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    module._make_room.cache_clear()
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache" / "compiled")
    return tmp_path / "cache" / "compiled"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of modules that :func:`loaded` imports."""
    folder = tmp_path / "source"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    (folder / "loop_of_a_test.py").write_text(_LOOP)
    yield folder
    sys.modules.pop("constants_of_a_test", None)


def loaded(source: Path, factor: int) -> Any:
    """The modules as a new process finds them: sizes and times of files are always the same."""
    constants = source / "constants_of_a_test.py"
    constants.write_text(_CONSTANTS.format(factor=factor))
    for path in source.glob("*.py"):
        os.utime(path, (1, 1))
    sys.modules.pop("constants_of_a_test", None)
    for path in (source / "__pycache__").glob("constants*"):
        path.unlink()
    importlib.invalidate_caches()
    spec = importlib.util.spec_from_file_location("loop", source / "loop_of_a_test.py")
    assert spec is not None
    assert spec.loader is not None
    loop = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loop)
    return loop


def hits(function: Any) -> int:
    return sum(function.stats.cache_hits.values())


def test_machine_code_comes_from_the_cache(source: Path, folder: Path) -> None:
    first = loaded(source, 3)
    assert first.scaled(2) == 7
    assert hits(first.scaled) == 0
    assert folder.is_dir()
    again = loaded(source, 3)
    assert again.scaled(2) == 7
    assert hits(again.scaled) == 1
    assert again.scaled(2.0) == 7.0  # of other types: compiled
    assert hits(again.scaled) == 1


def test_a_constant_of_another_file_is_never_that_of_an_older_version(source: Path) -> None:
    """Of a file that Numba's cache does not ask about, through a function in between."""
    assert loaded(source, 3).scaled(2) == 7
    assert loaded(source, 5).scaled(2) == 11
    assert loaded(source, 3).scaled(2) == 7


def spoilt(data: bytes) -> Iterator[bytes]:
    yield b""
    yield data[:20]
    yield data[: len(data) // 2]
    yield data[:-1]
    yield data + b"\0"
    for place in (0, 40, len(data) // 2, len(data) - 1):
        changed = bytearray(data)
        changed[place] ^= 1
        yield bytes(changed)


def test_a_damaged_cache_is_not_used(source: Path, folder: Path, caplog) -> None:
    assert loaded(source, 3).scaled(2) == 7
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    n_ways = 0
    for number in itertools.count():
        n_spoilt = 0
        for path, data in kept.items():
            ways = list(spoilt(data))
            if number < len(ways):
                path.write_bytes(ways[number])
                n_spoilt += 1
        if not n_spoilt:
            break
        n_ways += 1
        caplog.clear()
        loop = loaded(source, 3)
        assert loop.scaled(2) == 7
        assert hits(loop.scaled) == 0
        assert "compiled again" in caplog.text
        good = loaded(source, 3)
        assert good.scaled(2) == 7
        assert hits(good.scaled) == 1  # it was written again
    assert n_ways > 5


def test_bytes_that_are_no_machine_code_are_not_used(source: Path, folder: Path) -> None:
    """Though their own hash is right."""
    loaded(source, 3).scaled(2)
    for payload in (b"", b"nothing", module.pickle.dumps((1, 2))):
        for path in folder.iterdir():
            path.write_bytes(module.hashlib.sha256(payload).digest() + payload)
        assert loaded(source, 3).scaled(2) == 7


def test_a_folder_that_cannot_be_made_or_read_stops_nothing(
    source: Path, folder: Path, monkeypatch, caplog
) -> None:
    folder.parent.mkdir()
    folder.write_bytes(b"a file where the folder should be")
    assert loaded(source, 3).scaled(2) == 7
    assert "cannot be cached" in caplog.text


def test_a_full_disk_stops_nothing_and_leaves_nothing(
    source: Path, folder: Path, monkeypatch, caplog
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "replace", full)
    assert loaded(source, 3).scaled(2) == 7
    assert "No space left" in caplog.text
    assert list(folder.iterdir()) == []


def test_a_cache_that_is_too_large_loses_its_oldest_files(
    source: Path, folder: Path, monkeypatch
) -> None:
    folder.mkdir(parents=True)
    for age in range(5):
        path = folder / f"old{age}"
        path.write_bytes(bytes(100))
        os.utime(path, (1000 - age, 1000 - age))
    monkeypatch.setattr(module, "_MOST_BYTES", 250)
    loaded(source, 3).scaled(2)
    assert sorted(p.name for p in folder.iterdir() if p.name.startswith("old")) == ["old0", "old1"]


_SHIPPING = """
import sys
from pathlib import Path
from core import compiled
compiled.cache_folder = lambda: Path(sys.argv[1])
sys.path.insert(0, sys.argv[2])
import loop_of_a_test
assert loop_of_a_test.scaled(2) == 7
"""


def test_shipped_machine_code_is_used_where_the_cache_has_none(
    source: Path, folder: Path, tmp_path: Path, monkeypatch
) -> None:
    portable = module.portable_processor(module.llvmlite.binding.get_default_triple())
    if portable is None:
        pytest.skip("no machine code is shipped for this processor")
    shipped = tmp_path / "shipped"
    (source / "constants_of_a_test.py").write_text(_CONSTANTS.format(factor=3))
    subprocess.run(
        [sys.executable, "-c", _SHIPPING, str(shipped), str(source)],
        env=os.environ | {"NUMBA_CPU_NAME": portable, "NUMBA_CPU_FEATURES": ""},
        cwd=Path(__file__).parents[1],
        check=True,
    )
    monkeypatch.setattr(module, "shipped_folder", lambda: shipped)
    loop = loaded(source, 3)
    assert loop.scaled(2) == 7
    assert hits(loop.scaled) == 1
    assert not folder.exists()
    assert loaded(source, 5).scaled(2) == 11
    for path in shipped.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    assert loaded(source, 3).scaled(2) == 7


def test_an_edited_comment_or_docstring_changes_no_fingerprint() -> None:
    texts = ("def f(x):\n    return x + 1\n", 'def f(x):\n    "Add 1."\n    return x + 1\n')
    found = set()
    for text in (*texts, texts[1].replace("1.", "one."), "# Here\n" + texts[1]):
        names: dict[str, Any] = {}
        exec(text, names)
        found.add(fingerprint(names["f"]))
    assert len(found) == 2  # without a docstring its place among the constants is empty


CONSTANT: Any = 1


def uses_a_constant(x: int) -> int:
    return x + CONSTANT


def same(x: int) -> int:
    return x + CONSTANT


@pytest.mark.parametrize(
    "other", [2, 1.0, True, np.float32(1), np.float64(1), np.int64(1), (1,), (1, 2), "1", -0.0]
)
def test_every_value_and_type_of_a_global_has_its_own_fingerprint(monkeypatch, other) -> None:
    before = fingerprint(uses_a_constant)
    monkeypatch.setitem(globals(), "CONSTANT", other)
    assert fingerprint(uses_a_constant) != before
    monkeypatch.setitem(globals(), "CONSTANT", 1)
    assert fingerprint(uses_a_constant) == before


def test_a_negative_zero_is_another_constant(monkeypatch) -> None:
    monkeypatch.setitem(globals(), "CONSTANT", 0.0)
    before = fingerprint(uses_a_constant)
    monkeypatch.setitem(globals(), "CONSTANT", -0.0)
    assert fingerprint(uses_a_constant) != before


def with_a_closure(y: int) -> Any:
    return lambda x: x + y


@pytest.mark.parametrize("value", [[1], np.array([None]), {1: 2}, module, Path, with_a_closure(1)])
def test_what_has_no_hash_has_no_fingerprint(monkeypatch, value) -> None:
    monkeypatch.setitem(globals(), "CONSTANT", value)
    with pytest.raises(UncacheableError):
        fingerprint(uses_a_constant)


def test_a_global_array_is_part_of_the_fingerprint(monkeypatch) -> None:
    arrays = [np.array([3, 4]), np.array([3, 5]), np.array([[3], [4]]), np.array([3.0, 4.0])]
    found = set()
    for value in arrays:
        monkeypatch.setitem(globals(), "CONSTANT", value)
        found.add(fingerprint(uses_a_constant))
    assert len(found) == len(arrays)


def test_without_a_fingerprint_a_function_is_compiled_and_not_cached(
    monkeypatch, folder, caplog
) -> None:
    def no_hash(_: object) -> str:
        raise UncacheableError("no hash")

    monkeypatch.setattr(module, "fingerprint", no_hash)
    monkeypatch.setitem(globals(), "CONSTANT", 3)
    assert compiled(same)(1) == 4
    assert "cannot be cached" in caplog.text
    assert not folder.exists()


def test_all_compiled_functions_of_the_core_can_be_cached() -> None:
    import pkgutil

    import core

    names = [m.name for m in pkgutil.walk_packages(core.__path__, "core.")]
    found = 0
    for name in names:
        if name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, module.Dispatcher):
                assert len(fingerprint(value.py_func)) == 64
                is_inlined = value.targetoptions.get("forceinline", False)  # in its callers' files
                assert isinstance(value._cache, module._Cache) or is_inlined
                found += 1
    assert found > 30


def test_the_cache_is_the_users() -> None:
    assert cache_folder().parts[-2:] == ("floe", "compiled")
