"""A CSV file of a million made-up pairs, the same for the same seed: ``python -m benchmarks.million FILE [ROWS]``.

Questions of about ten words and answers of about thirty, as large as real ones (264 bytes a pair). Some questions and
some rows come again; one answer in ten has quotation marks, one in ten more than one line, and most have commas.
"""

import csv
import re
import sys
from pathlib import Path

import numpy as np

ROWS = 1_000_000
_EXAMPLES = Path(__file__).resolve().parents[1] / "data"
_AT_ONCE = 50_000


def write_pairs(path: Path, rows: int = ROWS, seed: int = 0) -> None:
    """Write ``rows`` pairs with the columns ``question`` and ``answer``."""
    random = np.random.default_rng(seed)
    words = _vocabulary(random)
    shares = 1 / np.arange(3, len(words) + 3)
    steps = np.cumsum(shares / shares.sum())
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["question", "answer"])
        before: list[tuple[str, str]] = []
        for start in range(0, rows, _AT_ONCE):
            count = min(_AT_ONCE, rows - start)
            questions = [f"{text.capitalize()}?" for text in _texts(random, words, steps, count, 6, 13)]
            answers = _texts(random, words, steps, count, 14, 34)
            kinds = random.random(count)
            made = [
                (question, _dressed(answer, kind)) for question, answer, kind in zip(questions, answers, kinds, strict=True)
            ]
            for at in np.flatnonzero(random.random(count) < 0.02).tolist():
                if before:  # one in fifty asks a question again, every fourth of them as the same row
                    old = before[int(random.integers(len(before)))]
                    made[at] = old if at % 4 == 0 else (old[0], made[at][1])
            writer.writerows(made)
            before = made


def _vocabulary(random: np.random.Generator) -> np.ndarray:
    """The words of the example files, shuffled; one in a hundred with an accent, so that many texts are not ASCII."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(_EXAMPLES.iterdir()) if path.suffix != ".md"]
    words = sorted({word.lower() for text in texts for word in re.findall(r"[A-Za-z]{2,}", text)})
    marked = [f"{word}é" if at % 100 == 0 else word for at, word in enumerate(words)]
    return random.permutation(np.array(marked, dtype=object))


def _texts(
    random: np.random.Generator, words: np.ndarray, steps: np.ndarray, count: int, least: int, most: int
) -> list[str]:
    """``count`` texts of ``least`` to ``most`` words; frequent words are frequent, as in any language."""
    lengths = random.integers(least, most + 1, count)
    ends = np.cumsum(lengths)
    drawn = words[np.searchsorted(steps, random.random(int(ends[-1])))]
    return [" ".join(drawn[end - length : end]) for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)]


def _dressed(answer: str, kind: float) -> str:
    """An answer as people write it: with a comma, with a word in quotation marks, or with a second line."""
    half = answer.find(" ", len(answer) // 2)
    if kind < 0.1:
        return f'{answer[:half]} "{answer[half + 1 :]}".'
    if kind < 0.2:
        return f"{answer[:half]}.\n{answer[half + 1 :]}."
    return f"{answer[:half]}, {answer[half + 1 :]}." if kind < 0.8 else f"{answer}."


if __name__ == "__main__":
    write_pairs(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else ROWS)
