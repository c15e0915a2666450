"""The bench that listens to the window's heart: it hears what is there, and tells of it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QTimer
from typer.testing import CliRunner

from app.bench import heartbeat as heartbeat_bench
from app.bench.heartbeat import LONGEST_MS, Heart, Heartbeat
from app.cli.main import cli
from tests.fakes import FakeCodec

_GOOD = Heartbeat(60.0, 4.2, 6.0, 48.0, 41.0, 0, 11_000, 0.3, "offscreen", "")


def test_a_silence_is_heard(qtbot: Any) -> None:
    heart = Heart()
    heart.start()
    QTimer.singleShot(50, lambda: time.sleep(0.2))
    qtbot.wait(400)
    heart.stop()
    heard = len(heart.silences)
    assert max(heart.silences) > 190
    # Sleeping is no wait for a processor: it stays in the figure.
    assert max(heart.own) > 150
    assert all(own <= silence for own, silence in zip(heart.own, heart.silences, strict=True))
    qtbot.wait(30)
    assert len(heart.silences) == heard


def test_the_stall_is_written_down_by_name(qtbot: Any) -> None:
    def culprit() -> None:
        time.sleep(2.5 * LONGEST_MS / 1000)

    heart = Heart()
    heart.start()
    QTimer.singleShot(30, culprit)
    qtbot.wait(400)
    heart.stop()
    assert sum("culprit" in stall for stall in heart.stalls) == 1


def test_the_real_window_is_measured(qapp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = FakeCodec()
    monkeypatch.setattr(heartbeat_bench, "CoreBackend", lambda: heartbeat_bench_backend(codec))
    monkeypatch.setattr(heartbeat_bench, "WIDTH", 900)
    monkeypatch.setattr(heartbeat_bench, "HEIGHT", 600)
    monkeypatch.setattr(heartbeat_bench, "_IDLE_MS", 100)
    heart = heartbeat_bench.measure(20)
    assert codec.n_encoded > 4
    assert 0.5 < heart.megapixels_done < 2
    assert heart.seconds < 20
    assert heart.beats > 5
    assert heart.idle_longest_ms > 0
    assert 0 < heart.longest_own_ms <= heart.longest_ms


def heartbeat_bench_backend(codec: FakeCodec) -> Any:
    from app.backend.backend import CoreBackend

    return CoreBackend(lambda: codec)


@pytest.mark.parametrize(("over", "status"), [(0, 0), (2, 1)])
def test_the_command_fails_where_the_window_is_deaf(
    monkeypatch: pytest.MonkeyPatch, over: int, status: int
) -> None:
    asked: list[float] = []

    def measure(seconds: float) -> Heartbeat:
        asked.append(seconds)
        return replace(_GOOD, over_limit=over, stalls="Timeout: in culprit")

    monkeypatch.setattr(heartbeat_bench, "measure", measure)
    done = CliRunner().invoke(cli, ["bench", "heartbeat", "--seconds", "7"])
    assert done.exit_code == status
    assert asked == [7]
    assert "41 ms" in done.output
    assert ("culprit" in done.output) == bool(over)
    told = json.loads(CliRunner().invoke(cli, ["bench", "heartbeat", "--json"]).stdout)
    assert told["longest_own_ms"] == 41.0
