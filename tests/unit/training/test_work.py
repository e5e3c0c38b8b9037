"""The worker's path in this process, on a tiny model: what is learned, kept, checkpointed and said."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from core.errors import WorkbenchError
from core.models import local_ref
from core.runs.events import EventWriter
from core.training import trainer as trainer_module
from core.training.checkpoints import newest
from core.training.course import check_every
from core.training.failures import LossNotFinite
from core.training.work import work
from core.workspace import Workspace
from tests.tiny import pairs, run_folder


class Crash(BaseException):
    """What kill -9 is to a real worker: nothing after it runs."""


class CrashingWriter(EventWriter):
    """Dies at the first event of ``kind`` at or after ``step``."""

    def __init__(self, path, kind, step):
        super().__init__(path)
        self._at = kind, step

    def write(self, kind, **values):
        if kind == self._at[0] and values.get("step", 0) >= self._at[1]:
            raise Crash
        return super().write(kind, **values)


@pytest.fixture(autouse=True)
def checkpoint_often(monkeypatch):
    monkeypatch.setattr(trainer_module, "_CHECKPOINT_SECONDS", (0.0, 0.0))


@pytest.fixture
def make(workspace, tiny):
    def make(name="run-1", train=None, held_out=None, **recipe):
        data = pairs(60)
        return run_folder(
            workspace, tiny, name, data[:48] if train is None else train,
            data[48:] if held_out is None else held_out, **recipe,
        )

    return make


def train(run):
    """Run to the end; returns the events by kind."""
    work(run, EventWriter(run.events_file), newest(run.checkpoints))
    return by_kind(run)


def by_kind(run):
    found = {}
    for event in run.events()[0]:
        found.setdefault(event["kind"], []).append(event)
    return found


def test_a_run_from_its_files_to_a_better_model(make):
    run = make(epochs=4)
    events = train(run)
    plan, done = events["plan"][0], events["done"][0]
    assert plan["steps"] == 24 and plan["passes"] == 4 and plan["evaluate_every"] == 6
    assert [check["step"] for check in events["held_out"]] == [0, 6, 12, 18, 24]
    assert [check["base"] for check in events["held_out"]] == [True, False, False, False, False]
    assert events["step"][0]["step"] == 1 and events["step"][-1]["step"] == 24
    assert events["step"][-1]["seconds_left"] == 0 and events["step"][0]["memory"] > 0
    assert events["step"][0]["learning_rate"] > 0
    assert np.mean([e["loss"] for e in events["step"][-3:]]) < events["step"][0]["loss"]
    assert done["kept"] == "tuned" and not done["stopped"]
    assert done["report"]["model_digest"] == local_ref(run.id, run.model).digest
    best = max(events["held_out"], key=lambda check: check["ndcg@10"])
    assert done["best_step"] == best["step"] and best["best"]
    assert done["report"] == run.report()
    assert done["report"]["tuned"]["ndcg@10"] == pytest.approx(best["ndcg@10"], abs=1e-6)
    assert done["report"]["base"]["ndcg@10"] == pytest.approx(events["held_out"][0]["ndcg@10"], abs=1e-6)
    assert not run.checkpoints.exists()


def test_the_report_says_what_became_of_general_language(make):
    from core.evaluation.general import general_pool
    from core.evaluation.measurement import measure_model
    from core.models import local_ref

    run = make(epochs=2)
    report = train(run)["done"][0]["report"]
    workspace = Workspace(run.folder.parent.parent)
    base = local_ref("tiny", Path(run.settings()["base"]["path"]))
    for side, model in (("base", base), ("tuned", local_ref("tuned", run.model))):
        found = measure_model(model, general_pool(), workspace).metrics["ndcg@10"].mean()
        assert report["general"][side] == pytest.approx(found, abs=5e-3), side
    assert report["general"]["sentence"] in (run.model / "README.md").read_text()


def test_the_model_loads_and_gives_the_reported_figures(make):
    from sentence_transformers import SentenceTransformer

    run = make(epochs=2)
    report = train(run)["done"][0]["report"]
    assert not [path for path in run.model.rglob("*") if path.suffix in (".bin", ".pt", ".pkl")]
    model = SentenceTransformer(str(run.model), local_files_only=True)
    held = pairs(60)[48:]
    cosines = model.encode(held["anchor"].tolist()), model.encode(held["positive"].tolist())
    assert np.mean(np.sum(cosines[0] * cosines[1], axis=1)) == pytest.approx(report["tuned"]["matched"], abs=1e-4)
    card = (run.model / "README.md").read_text()
    assert report["verdict"] in card and f"{report['tuned']['ndcg@10']:.3f}" in card and "words.csv" in card


@pytest.mark.parametrize(("kind", "step"), [("step", 3), ("held_out", 6), ("checkpoint", 9), ("step", 14)])
def test_a_crash_anywhere_costs_only_the_time(make, kind, step):
    whole, broken = make("whole"), make("broken")
    expected = train(whole)["done"][0]
    with pytest.raises(Crash):
        work(broken, CrashingWriter(broken.events_file, kind, step), None)
    left = newest(broken.checkpoints)
    assert left is not None and left.step >= step - 2
    got = train(broken)["done"][0]
    assert got["best_step"] == expected["best_step"] and got["kept"] == expected["kept"]
    for side in ("base", "tuned"):
        for name, value in expected["report"][side].items():
            assert got["report"][side][name] == pytest.approx(value, abs=1e-5), name
    weights, same = (load_file(run.model / "model.safetensors") for run in (whole, broken))
    for name, tensor in weights.items():
        assert np.allclose(tensor, same[name], atol=1e-5), name
    steps = [event["step"] for event in by_kind(broken)["step"]]
    assert steps[-1] == 18 and left.step + 1 in steps


def test_a_half_written_checkpoint_is_passed_over(make):
    run = make()
    with pytest.raises(Crash):
        work(run, CrashingWriter(run.events_file, "step", 9), None)
    good = newest(run.checkpoints)
    half = run.checkpoints / f"checkpoint-{good.step + 5}"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    assert newest(run.checkpoints) == good
    assert train(run)["done"][0]["kept"] == "tuned"


def test_stop_keeps_the_best_so_far_and_can_be_resumed(make, monkeypatch):
    run = make(epochs=3)
    tell = trainer_module.Watcher._tell

    def stop_at_eight(watcher, state):
        tell(watcher, state)
        if state.global_step == 8:
            run.stop_file.touch()

    monkeypatch.setattr(trainer_module.Watcher, "_tell", stop_at_eight)
    monkeypatch.setattr(trainer_module.Watcher, "_step_is_due", lambda *_: True)
    done = train(run)["done"][0]
    assert done["stopped"] and run.model.is_dir() and newest(run.checkpoints).step == 9
    run.stop_file.unlink()
    last = train(run)["done"][-1]
    assert not last["stopped"]
    assert [event["step"] for event in by_kind(run)["step"]] == list(range(1, 19))


def test_training_ends_early_after_checks_without_anything_better(make):
    run = make(epochs=50, patience=2, learning_rate=1e-8)
    events = train(run)
    checks = [check for check in events["held_out"] if not check["base"]]
    assert len(checks) == 3 and events["step"][-1]["step"] == 18


def test_where_nothing_beats_the_base_the_base_is_kept(make, tiny):
    run = make(epochs=2, learning_rate=1e-8)
    done = train(run)["done"][0]
    assert done["kept"] == "base" and done["report"]["kept"] == "base"
    general = done["report"]["general"]  # of the model that is taken home, not of the discarded one
    assert general["change"] == 0 and general["tuned"] == general["base"] and "nothing was forgotten" in general["sentence"]
    kept, base = load_file(run.model / "model.safetensors"), load_file(tiny / "model.safetensors")
    assert all((kept[name] == base[name]).all() for name in base)


def test_without_held_out_rows_there_are_no_checks_and_the_last_weights_are_kept(make):
    run = make(held_out=pairs(60)[:0])
    events = train(run)
    assert "held_out" not in events and events["plan"][0]["evaluate_every"] == 0
    done = events["done"][0]
    assert done["kept"] == "tuned" and done["best_step"] == 18
    assert done["report"]["evidence"] == "training pairs" and done["report"]["better"] is None


@pytest.mark.parametrize(("loss", "extra", "kind"), [
    ("CachedMultipleNegativesRanking", {}, {}),
    ("MultipleNegativesRanking", {"matryoshka_dims": [16, 8]}, {}),
    ("CachedMultipleNegativesRanking", {"matryoshka_dims": [16]}, {}),
    ("MultipleNegativesRanking", {"freeze_token_embeddings": True}, {"negative": True}),
    ("CoSENT", {}, {"score": True}),
    ("AnglE", {"matryoshka_dims": [16]}, {"score": True}),
    ("OnlineContrastive", {}, {"label": True}),
])
def test_every_loss_trains(make, tiny, loss, extra, kind):
    data = pairs(40)
    shuffled = data["positive"].sample(frac=1, random_state=1).to_numpy()
    if "negative" in kind:
        data["negative"] = shuffled
    for name in {"score", "label"} & set(kind):
        right = np.arange(40) % 2 == 0
        data["positive"] = np.where(right, data["positive"], shuffled)
        data[name] = right.astype(int) if name == "label" else np.where(right, 0.9, 0.1)
    run = make(train=data[:30], held_out=data[30:], loss=loss, epochs=6, **extra)
    events = train(run)
    losses = [event["loss"] for event in events["step"]]
    assert np.mean(losses[-4:]) < np.mean(losses[:4])
    if extra.get("freeze_token_embeddings"):
        table = "embeddings.word_embeddings.weight"
        kept, base = load_file(run.model / "model.safetensors"), load_file(tiny / "model.safetensors")
        assert (kept[table] == base[table]).all()


@pytest.mark.parametrize("dropout", [True, False])
def test_dropout_can_be_left_out(make, monkeypatch, dropout):
    from torch.nn import Dropout

    learned = []
    train_as_before = trainer_module.Trainer.train
    monkeypatch.setattr(
        trainer_module.Trainer, "train", lambda self, **how: (learned.append(self.model), train_as_before(self, **how))[1]
    )
    train(make(dropout=dropout, epochs=1))
    shares = {module.p for module in learned[0].modules() if isinstance(module, Dropout)}
    assert shares == ({0.1} if dropout else {0.0})


@pytest.mark.parametrize(("asked", "can", "halved", "said"), [
    (True, True, True, False), (True, False, False, True), (False, True, False, False),
])
def test_half_precision_is_chosen_where_it_was_asked_for_and_helps(make, monkeypatch, asked, can, halved, said):
    models = []
    monkeypatch.setattr("core.training.course.can_halve", lambda model: can)
    monkeypatch.setattr("core.training.course.halve", models.append)
    run = make(half_precision=asked, epochs=1)
    train(run)
    assert bool(models) is halved
    stages = [event["text"] for event in run.events()[0] if event["kind"] == "stage"]
    assert any("Half precision" in text for text in stages) is said


def test_a_loss_that_is_not_a_number_ends_the_run(workspace, tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "broken")
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.LayerNorm.weight"] *= np.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    run = run_folder(workspace, folder, "broken", pairs(40)[:30], pairs(40)[30:])
    with pytest.raises(LossNotFinite, match="step 1"):
        train(run)


@pytest.mark.parametrize("damage", ["recipe", "train", "columns", "base", "few"])
def test_a_damaged_run_folder_is_said_in_words(make, damage):
    run = make(train=pairs(60)[:1] if damage == "few" else None)
    if damage == "recipe":
        run.recipe_file.write_text("{")
    elif damage == "train":
        run.train_file.write_bytes(b"no parquet")
    elif damage == "columns":
        pairs(9).drop(columns="positive").to_parquet(run.train_file)
    elif damage == "base":
        settings = json.loads(run.recipe_file.read_text())
        settings["base"]["digest"] = "0" * 64
        run.recipe_file.write_text(json.dumps(settings))
    with pytest.raises(WorkbenchError) as caught:
        train(run)
    assert caught.value.what_to_do


def test_checks_come_each_pass_or_more_often_where_they_are_cheap():
    assert check_every(2, 5_000, 6_000) == 2
    assert check_every(1000, 1_000_000, 10_000) == 100
    assert check_every(1000, 1_000_000, 300_000) == 500
    assert check_every(15, 190_000, 200_000) == 15
