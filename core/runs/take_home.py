"""Taking a trained model away: a zip with all it takes to use it and to train it again, or a push to the Hub."""

import json
import os
import tempfile
import zipfile
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from core.errors import WorkbenchError
from core.models import BASE_MODEL
from core.runs.run import Run, no_run
from core.workspace import files_below, unless_deleted

if TYPE_CHECKING:
    import pandas as pd

TEMPLATE = Path(__file__).with_name("repeat.py.template")


def zip_model(run: Run, folder: Path) -> Path:
    """Write ``<run id>.zip`` into ``folder`` and return its path.

    Unpacked it is one folder, named like the run, that ``SentenceTransformer(path)`` loads: weights, settings, the
    model card, and in ``repeat/`` the script and the rows that repeat the run. Weights are not compressed: they hardly
    shrink.

    Raises:
        WorkbenchError: the run has no model, or was deleted meanwhile, or the disk is full.
    """
    with unless_deleted(run.folder, no_run(run)):
        _require_model(run)
        return _zipped(run, folder)


def _zipped(run: Run, folder: Path) -> Path:
    handle, name = tempfile.mkstemp(dir=folder, prefix=".take-home-")
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", strict_timestamps=False) as archive:
            for path in files_below(run.model):
                weights = path.suffix == ".safetensors"
                archive.write(
                    path, f"{run.id}/{path.relative_to(run.model).as_posix()}",
                    zipfile.ZIP_STORED if weights else zipfile.ZIP_DEFLATED,
                )
            extras = {
                "repeat.py": repeat_script(run), "recipe.json": run.recipe_file.read_text(encoding="utf-8"),
                **_rows(run),
            }
            for extra, text in extras.items():
                archive.writestr(f"{run.id}/repeat/{extra}", text, zipfile.ZIP_DEFLATED)
        target = folder / f"{run.id}.zip"
        os.replace(name, target)
        return target
    except OSError as error:
        raise WorkbenchError(
            "The zip could not be written.", f"The system says: {error.strerror or error}.",
            f"Make room on the disk that holds {folder}, or copy the folder {run.model} instead.",
        ) from error
    finally:
        Path(name).unlink(missing_ok=True)


def repeat_script(run: Run) -> str:
    """A Python script that trains the same model with sentence-transformers alone, from the rows in the zip."""
    settings = run.settings()
    if not {"recipe", "base"} <= set(settings):
        raise WorkbenchError(
            f"The settings of {run.id} cannot be read.", "Its recipe.json is damaged.",
            f"Copy the folder {run.model} instead: the model in it needs no settings.",
        )
    recipe, base = settings["recipe"], settings["base"]
    events = run.events()[0]
    done = next((event for event in reversed(events) if event["kind"] == "done"), {})
    steps = next((event["steps"] for event in reversed(events) if event["kind"] == "plan"), 0)
    name = f"sentence-transformers/{BASE_MODEL}" if base["name"] == BASE_MODEL else base["name"]
    versions = settings.get("versions", {})
    packages = [package for package in ("sentence-transformers", "transformers") if package in versions]
    wanted = [f'"{package}=={versions[package]}"' for package in packages]
    values = {
        "BASE": name, "LOSS": recipe["loss"], "EPOCHS": recipe["epochs"], "STEP": _kept_step(done, steps),
        "BATCH": recipe["batch_size"], "RATE": recipe["learning_rate"], "WARMUP": recipe["warmup"],
        "SCALE": recipe["scale"], "LENGTH": recipe["max_seq_length"], "SEED": recipe["seed"],
        "FREEZE": recipe["freeze_token_embeddings"], "DROPOUT": recipe.get("dropout", True),
        "HALF": recipe.get("half_precision", False),
        "DIMS": list(recipe["matryoshka_dims"]), "DECAY": 0.01,
        "SHARE": settings["blend"]["share"] if "blend" in settings else 1.0,
        "WAY": settings["blend"]["way"] if "blend" in settings else "linear",
    }
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        {key: repr(value) for key, value in values.items()}, PACKAGES=" ".join(wanted)
    )


def _kept_step(done: dict[str, Any], steps: int) -> int:
    """After which step the run's model was taken: after none where the base was kept; after the last of ``steps`` where the
    run, an older one, does not say."""
    return 0 if done.get("kept") == "base" else int(done.get("best_step") or steps)


def _rows(run: Run) -> dict[str, str]:
    """What the model learned from and what was kept aside, as JSON Lines by file name: every text exactly as it was trained
    on, whatever is in it."""
    from core.runs.folds import rows_of

    return {name: _json_lines(rows) for name, rows in zip(("train.jsonl", "heldout.jsonl"), rows_of(run), strict=True)}


def _json_lines(frame: "pd.DataFrame") -> str:
    rows = frame.drop(columns=["component", "fold"], errors="ignore").to_dict("records")
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _require_model(run: Run) -> None:
    if not run.model.is_dir():
        raise WorkbenchError(f"{run.id} has no model yet.", "It has not finished.", "Wait for it, or resume it.")


def push_to_hub(run: Run, repo_id: str, token: str, *, private: bool = True) -> str:
    """Upload the run's model, with its card, to a Hugging Face Hub repository; made where it is missing.

    Args:
        repo_id: ``name`` or ``organisation/name``.
        token: a token with write access; used for this upload only, kept and shown nowhere.

    Returns:
        The repository's address.

    Raises:
        WorkbenchError: the name or the token is not accepted, the hub cannot be reached, or the run has no model.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError

    _require_model(run)
    repo_id, token = repo_id.strip(), token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise WorkbenchError(
            "That is not a Hub token." if token else "A token is missing.", "A token is one word that begins with hf_.",
            "Make one with write access at https://huggingface.co/settings/tokens.",
        )
    api = HfApi(token=token)
    try:
        address = api.create_repo(repo_id, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=address.repo_id, folder_path=run.model, commit_message=f"Trained with Embedding Workbench: {run.id}"
        )
        return str(address)
    except HFValidationError:
        raise WorkbenchError(
            f"“{repo_id}” cannot be a repository's name.",
            "It is a name, or organisation/name, of letters, digits, -, _ and . only.", "Change it and try again.",
        ) from None
    except Exception as error:  # which ones come depends on the hub client's version, and so does its HTTP library
        # "from None" and no text of the error: neither may carry the token into a log.
        if (response := getattr(error, "response", None)) is not None:
            raise _refused(response.status_code, repo_id) from None
        raise WorkbenchError(
            "The Hugging Face Hub cannot be reached.", f"The connection failed ({type(error).__name__}).",
            "Check the connection and try again, or download the model as a zip.",
        ) from None


def _refused(status: int, repo_id: str) -> WorkbenchError:
    match status:
        case 401:
            return WorkbenchError(
                "The Hub did not accept the token.", "It is wrong, or has been revoked.",
                "Make a new one with write access at https://huggingface.co/settings/tokens.",
            )
        case 403 | 404:
            return WorkbenchError(
                f"This token may not write to “{repo_id}”.",
                "It has no write access, or the organisation is not yours.",
                "Use a token with write access, or a repository under your own name.",
            )
        case 400 | 422:
            return WorkbenchError(
                f"The Hub did not accept the repository “{repo_id}”.", "Its name or content was refused.",
                "Choose another name and try again.",
            )
    return WorkbenchError(
        "The Hub refused the upload.", f"It answered with the status {status}.", "Try again in a few minutes."
    )
