"""What a person takes home: a run's model as a zip, a cleaned pair set, a file's vectors, a comparison's report and pairs.
Served from our own routes: any path that a Gradio handler returns becomes readable by everyone who has the link."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from core.errors import WorkbenchError
from core.pairs.store import open_set
from core.runs.run import find_run
from core.runs.take_home import zip_model
from core.workspace import Workspace
from workbench import along
from workbench.trial import fetch_vectors

_TYPES = {".html": "text/html", ".csv": "text/csv"}


def add_routes(app: FastAPI, workspace: Workspace) -> None:
    """Add ``/take-home/{run}``, ``/sets/{set}/cleaned.csv``, ``/endpoints/vectors/{ticket}.csv`` and
    ``/comparisons/{ticket}/{file}`` to the app."""

    @app.get("/take-home/{run_id}")
    def take_home(run_id: str) -> FileResponse:
        return _sent(lambda folder: zip_model(find_run(workspace, run_id), folder), "application/zip")

    @app.get("/sets/{set_id}/cleaned.csv")
    def cleaned(set_id: str) -> FileResponse:
        def write(folder: Path) -> Path:
            stored = open_set(workspace, set_id)
            path = folder / f"{stored.id}-cleaned.csv"
            stored.export(path)
            return path

        return _sent(write, "text/csv")

    @app.get("/endpoints/vectors/{ticket}.csv")
    def vectors(ticket: str) -> FileResponse:
        return _sent(lambda folder: fetch_vectors(ticket, workspace, folder), "text/csv")

    @app.get("/comparisons/{ticket}/{name}")
    def comparison(ticket: str, name: str) -> FileResponse:
        media_type = _TYPES.get(Path(name).suffix, "application/octet-stream")
        return _sent(lambda folder: along.write(ticket, name, folder), media_type)


def _sent(write: Callable[[Path], Path], media_type: str) -> FileResponse:
    """The file that ``write`` makes in a temporary folder, which is removed when the file has been sent.

    Raises:
        HTTPException: 404 with the words of the error, where there is nothing to send.
    """
    folder = Path(tempfile.mkdtemp(prefix="workbench-"))
    try:
        path = write(folder)
    except WorkbenchError as error:
        shutil.rmtree(folder)
        raise HTTPException(404, str(error)) from error
    except BaseException:
        shutil.rmtree(folder)
        raise
    gone = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    return FileResponse(path, filename=path.name, media_type=media_type, background=gone)
