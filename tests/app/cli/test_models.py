"""The model of the jobs keeps Qt's contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.jobs.files_model import PROGRESS, STATE, JobFilesModel
from app.jobs.jobs import JobKind, Jobs, Work
from core.control import Progress
from tests.app.fake_backend import make_entry, make_result
from tests.app.stand_ins import InlineExecutor


def test_the_model_of_the_jobs_files(qtmodeltester: Any, qtbot: Any) -> None:
    def run(listener: Any, cancel: Any) -> list[Any]:
        listener.progress(Progress("a", "encoding", 5, 10))
        listener.finished(make_result("a", entry=make_entry("a", original_bytes=904_000)))
        listener.finished(
            make_result("/x/b", source=Path("/x/b")).failed("/x/b: no image of a known kind")
        )
        return []

    jobs, model = Jobs(InlineExecutor()), JobFilesModel()
    jobs.job_added.connect(model.follow)
    plan = [("a", 1.0), ("c", 1.0)]
    job = jobs.submit(
        JobKind.ADD, Path("x.floe"), Work(lambda: plan, run, lambda _: pytest.fail("not asked to"))
    )
    qtbot.waitUntil(lambda: not job.active)
    qtmodeltester.check(model)
    states = [model.index(row, STATE).data() for row in range(model.rowCount())]
    assert states[0] == "452.1 kB saved (50 %)"
    assert states[1:] == ["Cancelled", "No image of a known kind"]
    assert model.index(0, PROGRESS).data() == ""
    jobs.forget_finished()
    model.clear_finished()
    assert model.rowCount() == 0
