"""Documents to search: read from files that anybody may have made, cut into passages, and kept."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from core.errors import WorkbenchError
from core.pairs.encoding import to_utf8
from core.pairs.read import read_table
from core.playground import pdf_text
from core.workspace import Workspace, files_below, read_json, write_json

ENDINGS = (".txt", ".md", ".pdf", ".csv")
#: What is read at most: bytes of a file, characters of all documents together, pages of a PDF.
LARGEST_FILE, MOST_CHARACTERS, MOST_PAGES = 20_000_000, 5_000_000, 500
#: A process that reads a PDF is waited for so long, in seconds.
_PATIENCE = 90
_ID = re.compile(r"[0-9a-f]{32}")

#: Scripts written without spaces: each character counts as a word. A longer run of letters counts every 40.
_DENSE = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"(?:[{_DENSE}]|[^\s{_DENSE}]{{1,40}})\s*")


@dataclass(frozen=True)
class Document:
    """One document: where it comes from, its text, and what of it was not read ("" for nothing)."""

    name: str
    text: str
    cut: str = ""


@dataclass(frozen=True)
class Passage:
    """A piece of a document that is found as one."""

    text: str
    source: str


@dataclass(frozen=True)
class Kept:
    """Documents that were brought together, under the id by which they are opened again."""

    id: str
    documents: tuple[Document, ...]

    @property
    def name(self) -> str:
        first = self.documents[0].name
        return first if len(self.documents) == 1 else f"{first} and {len(self.documents) - 1:,} more"


def read_document(path: Path, name: str) -> list[Document]:
    """The documents in a file: one of a .txt, .md or .pdf; of a .csv each row is one, its cells a line each.

    Raises:
        WorkbenchError: the ending is another, the file is too large, damaged, gone, or holds no text.
    """
    try:
        return _read(path, name)
    except FileNotFoundError as error:
        raise WorkbenchError(f"{name} is not here any more.", "It was removed meanwhile.", "Bring it again.") from error


def _read(path: Path, name: str) -> list[Document]:
    ending = Path(name).suffix.lower()
    if ending not in ENDINGS:
        raise WorkbenchError(
            f"{name} cannot be searched.", f"Documents end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}.",
            "Save it in one of these formats, or paste its text.",
        )
    if path.stat().st_size > LARGEST_FILE:
        raise WorkbenchError(
            f"{name} is too large to be searched here.",
            f"It has {path.stat().st_size / 1e6:,.0f} MB; {LARGEST_FILE / 1e6:,.0f} MB is the most.", "Bring a part of it.",
        )
    if ending == ".pdf":
        found = [_pdf(path, name)]
    elif ending == ".csv":
        rows = read_table(path, name=name).frame.astype(str)
        texts = ("\n".join(cell for cell in row if cell.strip()) for row in rows.itertuples(index=False))
        found = [Document(f"{name}, row {number}", text) for number, text in enumerate(texts, 1)]
    else:
        found = [Document(name, to_utf8(path.read_bytes(), name).data.decode("utf-8", "replace"))]
    found = [one for one in found if one.text.strip()]
    if not found:
        raise WorkbenchError(
            f"{name} holds no text.", "A scanned PDF has pictures of its pages instead." if ending == ".pdf" else "",
            "Bring another file, or paste its text.",
        )
    return found


def _pdf(path: Path, name: str) -> Document:
    command = [sys.executable, "-I", pdf_text.__file__, str(path), str(MOST_PAGES), str(MOST_CHARACTERS)]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_PATIENCE, stdin=subprocess.DEVNULL
        )
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):  # no answer: it was ended by one of its limits
        answer = {"error": "Reading it takes too much time or memory."}
    if "error" in answer:
        raise WorkbenchError(f"{name} cannot be read.", answer["error"], "Bring another file, or paste its text.")
    cut = f"{name}: {answer['read']:,} of {answer['pages']:,} pages were read" if answer["read"] < answer["pages"] else ""
    return Document(name, answer["text"], cut)


def passages(documents: Sequence[Document], size: int, overlap: int) -> list[Passage]:
    """The documents cut into pieces of at most ``size`` words, each beginning with the last ``overlap`` of the one before.

    Raises:
        WorkbenchError: ``size`` is below 1, or ``overlap`` is not between 0 and ``size`` - 1.
    """
    if size < 1 or not 0 <= overlap < size:
        raise WorkbenchError(
            "The documents cannot be cut like this.", f"A passage has {size:,} words, of which {overlap:,} overlap.",
            "Let the overlap be smaller than the passage.",
        )
    return [Passage(piece, one.name) for one in documents for piece in _pieces(one.text, size, overlap)]


def _pieces(text: str, size: int, overlap: int) -> list[str]:
    words = [match.group() for match in _WORD.finditer(text)]
    starts = range(0, max(1, len(words) - overlap), size - overlap) if words else ()
    return ["".join(words[start : start + size]).strip() for start in starts]


def keep(workspace: Workspace, documents: Sequence[Document]) -> Kept:
    """Keep documents in the workspace; the same ones again are kept once.

    Raises:
        WorkbenchError: there are none, they are too long together, or the disk does not take them.
    """
    if not any(one.text.strip() for one in documents):
        raise WorkbenchError("There is no text to search.", "", "Paste some, or bring a file.")
    length = sum(len(one.text) for one in documents)
    if length > MOST_CHARACTERS:
        raise WorkbenchError(
            "These documents are too long together.",
            f"They have {length:,} characters; {MOST_CHARACTERS:,} are the most.", "Bring fewer of them.",
        )
    content = [asdict(one) for one in documents]
    kept = Kept(hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32], tuple(documents))
    folder = _folder(workspace)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / f"{kept.id}.json", content)
    except OSError as error:
        raise WorkbenchError(
            "The documents could not be kept.", f"The system says: {error.strerror or error}.", "Make room on the disk."
        ) from error
    return kept


def open_kept(workspace: Workspace, kept_id: str) -> Kept:
    """The documents that were kept under an id, which may come from a page or a link.

    Raises:
        WorkbenchError: there are none.
    """
    content = read_json(_folder(workspace) / f"{kept_id}.json") if _ID.fullmatch(kept_id) else None
    if not content:
        raise WorkbenchError("These documents are no longer here.", "", "Choose others, or bring them again.")
    return Kept(kept_id, tuple(Document(**one) for one in content))


def all_kept(workspace: Workspace) -> list[Kept]:
    """What was brought, the newest first."""
    found = []
    for file in files_below(_folder(workspace), "*.json"):
        with suppress(FileNotFoundError, WorkbenchError):  # damaged, or another page has removed it meanwhile
            found.append((file.stat().st_mtime_ns, open_kept(workspace, file.stem)))
    return [kept for _, kept in sorted(found, key=lambda one: one[0], reverse=True)]


def remove(workspace: Workspace, kept_id: str) -> None:
    """Remove documents from the workspace; nothing happens where they are gone."""
    if _ID.fullmatch(kept_id):
        (_folder(workspace) / f"{kept_id}.json").unlink(missing_ok=True)


def _folder(workspace: Workspace) -> Path:
    return workspace.root / "documents"
