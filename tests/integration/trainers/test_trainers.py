"""What every place that trains has to do."""

import pytest

from core.errors import WorkbenchError
from core.models import local_ref
from tests.integration.trainers.conftest import of_kind

FIGURES = {"hit@1", "mrr@10", "ndcg@10", "matched", "mismatched"}


def test_a_run_is_trained_before_the_eyes_of_whoever_looks_and_comes_back_whole(place):
    run = place.make("words-1", epochs=40)
    place.trainers.submit(run)
    with pytest.raises(WorkbenchError, match="still at work"):
        place.trainers.submit(run)
    seen = []  # the state in which each new step was seen

    def over() -> bool:
        state = run.status().state
        seen.extend([state] * (len(of_kind(run, "step")) - len(seen)))
        return state not in ("queued", "running", "stopping")

    place.until(run, over)
    assert run.status().state == "done", run.log_tail()
    assert seen[0] == "running"
    events = run.events()[0]
    done = events[-1]
    assert done["kind"] == "done" and done["stopped"] is False
    assert (done["run"], done["folder"], done["model"]) == ("words-1", str(run.folder), str(run.model))
    assert done["report"] == run.report() and set(run.report()["tuned"]) >= FIGURES and run.report()["verdict"]
    assert local_ref("x", run.model).digest and not list(run.model.rglob("*.bin"))
    worker = [event["stage"] for event in events if event["kind"] == "stage" and event["stage"].islower()]
    assert [stage for stage in worker if stage not in ("sending", "asking")] == [
        "loading", "scoring base", "training", "saving"
    ]
    assert of_kind(run, "held_out")[0]["base"] is True and of_kind(run, "plan")[0]["steps"] == 240
    assert of_kind(run, "step")[-1]["step"] == run.status().step == 240
    assert "Learning from 48 pairs." in run.log_tail(200_000)
    with pytest.raises(WorkbenchError, match="finished"):
        place.trainers.resume(run)
    place.trainers.delete(run)
    assert not run.folder.exists()


def test_a_stopped_run_keeps_its_best_model_and_another_program_goes_on_with_it(place):
    run = place.make("words-2", epochs=1000)
    place.trainers.submit(run)
    place.until(run, lambda: len(of_kind(run, "held_out")) > 2)
    other = place.again()
    other.trainers.stop(run)
    assert run.status().state in ("stopping", "stopped")
    with pytest.raises(WorkbenchError, match="still at work"):
        place.trainers.delete(run)
    assert other.until_over(run) == "stopped", run.log_tail()
    assert run.events()[0][-1]["stopped"] and (run.model / "model.safetensors").exists() and run.report()["verdict"]
    stopped_at = run.status().step
    # A worker on this machine has said its last word a moment before its process is gone.
    place.until(run, lambda: run.worker() is None)
    place.trainers.resume(run)
    place.until(run, lambda: run.status().step > stopped_at)
    assert of_kind(run, "start")[-1]["step"] == stopped_at
    place.trainers.stop(run)
    assert place.until_over(run) == "stopped"
