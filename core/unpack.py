"""A ``.tar.gz`` from elsewhere, unpacked so that it can do no harm: a model's archive, and what a training job left."""

import errno
import gzip
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, cast

from core.errors import WorkbenchError

#: The most that an archive may hold: files, and bytes when unpacked.
MOST_FILES = 1_000
MOST_BYTES = 20 * 2**30
#: Weights hardly shrink: an archive that grows to more than so many times its size, and beyond so much, is made to fill
#: the disk.
_MOST_RATIO, _RATIO_FROM = 100, 2**30
#: What the lists of names and sizes inside an archive may take; a file's own is 512 bytes, or 2,048 with a long name.
_MOST_HEADERS = 4 * 2**20
_PIECE = 2**20
#: What the system says of names that cannot be, and not of a disk without room.
_NAMES = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack ``archive`` into ``folder``, which is made and must not be there yet (unlike the folder that it lies in); it
    is not there after an error either.

    Only plain files below that folder are ever written: no links, no devices, no absolute or parent paths.

    Raises:
        WorkbenchError: the archive is damaged, too big, or holds something else; or the disk is full.
    """
    folder.mkdir()
    try:
        with gzip.open(archive, "rb") as stream:
            metered = _Metered(cast(IO[bytes], stream), _MOST_HEADERS)
            with tarfile.open(fileobj=cast(IO[bytes], metered), mode="r|") as tar:  # a stream is only read
                most = min(MOST_BYTES, max(_RATIO_FROM, _MOST_RATIO * archive.stat().st_size))
                _extract(tar, metered, folder, most)
            while metered.read(_PIECE):  # what fills the last block; gzip compares its checksum at the very end
                pass
    except WorkbenchError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except (tarfile.TarError, zlib.error, EOFError, ValueError, OverflowError, RecursionError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in _NAMES:
            raise _refused("A file of it lies where another one is, or has a name that is too long") from error
        if isinstance(error, OSError) and error.errno:
            raise WorkbenchError(
                f"{archive.name} could not be unpacked.", f"The system says: {error.strerror}.",
                "Make room on the disk, then try again.",
            ) from error
        raise _refused("It is damaged, or not a .tar.gz file") from error


class _Metered:
    """A stream that may only be read as far as was allowed: names and sizes in an archive cannot fill the memory."""

    def __init__(self, stream: IO[bytes], allowed: int):
        self._stream = stream
        self.left = allowed

    def read(self, size: int) -> bytes:
        piece = self._stream.read(size)
        self.left -= len(piece)
        if self.left < 0:
            raise tarfile.ReadError("more than its files need")
        return piece


def _extract(tar: tarfile.TarFile, metered: _Metered, folder: Path, most: int) -> None:
    total = files = 0
    for member in tar:
        path = _safe(member.name)
        if path is None:
            raise _refused(f"It has a file whose name leads out of its folder or is none: {member.name!r}"[:300])
        if not (member.isreg() or member.isdir()) or member.issparse():
            raise _refused(f"It holds something that is neither a plain file nor a folder: {member.name!r}")
        files, total = files + 1, total + member.size
        if files > MOST_FILES or total > most:
            raise _refused(f"It has more than {MOST_FILES:,} files, or unpacks to more than {most / 2**30:,.0f} GiB")
        metered.left += member.size + 2 * tarfile.RECORDSIZE
        target = folder / path
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        content = cast(IO[bytes], tar.extractfile(member))  # None only for what is no plain file
        with content, target.open("xb") as out:
            shutil.copyfileobj(content, out, _PIECE)
        if target.stat().st_size != member.size:
            raise tarfile.ReadError("cut off")


def _safe(name: str) -> Path | None:
    """``name`` as a path below a folder, or None where it leads elsewhere."""
    path = PurePosixPath(name)
    strange = not name.isprintable() or any(sign in name for sign in "\\:") or len(name) > 500
    if path.is_absolute() or ".." in path.parts or strange:
        return None
    return Path(*path.parts)


def _refused(why: str) -> WorkbenchError:
    return WorkbenchError("The archive cannot be unpacked.", f"{why}.", "Pack the model again.")
