"""The text of a PDF file, in a process of its own: ``python pdf_text.py FILE PAGES CHARACTERS`` writes JSON.

A PDF comes from anywhere and can be made to take all memory or to never end, so whoever reads it has limits of its own
and can be ended. Standard output holds ``{"text", "pages", "read"}`` or ``{"error"}``.
"""

import json
import sys
from typing import Any

#: Memory and processor time that reading one file may take, in bytes and seconds.
MEMORY, SECONDS = 1_500_000_000, 60


def main(path: str, most_pages: int, most_characters: int) -> dict[str, Any]:
    from pypdf import PdfReader
    from pypdf.errors import LimitReachedError

    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            return {"error": "It is protected by a password."}
        pages, parts, length = len(reader.pages), [], 0
        for number in range(min(pages, most_pages)):
            parts.append(reader.pages[number].extract_text())
            length += len(parts[-1])
            if length >= most_characters:
                break
        text = "\n\n".join(parts)[:most_characters]
        return {"text": text.encode("utf-8", errors="replace").decode(), "pages": pages, "read": len(parts)}
    except (MemoryError, LimitReachedError):
        return {"error": "Reading it takes too much memory."}
    except Exception as error:  # pypdf lets whatever a damaged file provokes through: KeyError, AssertionError, ...
        return {"error": f"It is damaged or no PDF ({type(error).__name__})."}


if __name__ == "__main__":
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    except ImportError:  # not on Windows: there the time that the caller waits is the only limit
        pass
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
