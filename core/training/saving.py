"""The finished model's folder: weights, settings, and a card that says what was measured."""

import shutil
from typing import TYPE_CHECKING, Any

import yaml

from core.runs.run import Run
from core.training.checkpoints import require_space

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_FIGURES = {
    "hit@1": "Right answer first", "recall@5": "Recall@5", "recall@10": "Recall@10", "mrr@10": "MRR@10",
    "ndcg@10": "nDCG@10", "matched": "Mean similarity, matching", "mismatched": "Mean similarity, unrelated",
}


def save_model(model: "SentenceTransformer", run: Run, settings: dict[str, Any], report: dict[str, Any]) -> None:
    """Write ``run.model`` (sentence-transformers format, safetensors only), complete or not at all."""
    require_space(run.folder, int(1.1 * sum(tensor.nbytes for tensor in model.parameters())))
    temporary, old = run.folder / "model.tmp", run.folder / "model.old"
    for leftover in (temporary, old):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        model.save_pretrained(str(temporary), create_model_card=False)
        (temporary / "README.md").write_text(model_card(settings, report, model), encoding="utf-8")
        if run.model.exists():
            run.model.rename(old)
        temporary.rename(run.model)
    finally:
        for leftover in (temporary, old):
            shutil.rmtree(leftover, ignore_errors=True)


def model_card(settings: dict[str, Any], report: dict[str, Any], model: "SentenceTransformer") -> str:
    """The README of the model: what it was made from and how, its figures, and how to load it."""
    recipe, source, base = settings["recipe"], settings.get("source") or {}, settings["base"]
    head = yaml.safe_dump({
        "library_name": "sentence-transformers", "pipeline_tag": "sentence-similarity",
        "tags": ["sentence-transformers", "sentence-similarity", "feature-extraction"],
    }, sort_keys=False)
    asked = {
        "held-out": f"{report['held_out']} held-out questions",
        "five folds": f"{report['held_out']} questions, each asked of one of five models that never saw its pair (this model"
        " learned from all pairs)",
    }.get(report["evidence"], "pairs that it was trained on")
    rows = [
        f"| {words} | {_figure((report.get('bm25') or {}).get(name))} | {_figure(report['base'].get(name))} "
        f"| {_figure(report['tuned'].get(name))} | {_change(report['change'], name)} |"
        for name, words in _FIGURES.items()
    ]
    choices = [f"| {name} | {_plain(value)} |" for name, value in recipe.items() if value not in (None, [], "")]
    versions = [f"- {_plain(name)} {_plain(version)}" for name, version in (settings.get("versions") or {}).items()]
    kept = (
        "The base model was kept: no check of the training did better on questions that it had not seen.\n"
        if report.get("kept") == "base" else ""
    )
    return f"""---
{head}---

# {_plain(settings.get("name") or "Fine-tuned model")}

{_made(settings, _plain(base["name"]), _plain(source.get("name") or "pairs"))}
It turns a text of up to {model.max_seq_length} tokens into {model.get_embedding_dimension()} numbers.

## What was measured

{report["verdict"]}
{kept}
Measured on {asked}, each ranked against {report["pool"]} answers.
{_general(report)}
| | keyword search | base | tuned | change, 95 % interval |
|---|---|---|---|---|
{chr(10).join(rows)}

## How to use it

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("path/to/this/folder")
vectors = model.encode(["a question", "a text that may answer it"])
print(model.similarity(vectors[:1], vectors[1:]))
```

## How it was made

| setting | value |
|---|---|
{chr(10).join(choices)}

{chr(10).join(versions)}
"""


def _made(settings: dict[str, Any], base: str, pairs: str) -> str:
    """What the model is, in a sentence."""
    blend = settings.get("blend")
    if not blend:
        return f"{base}, fine-tuned with Embedding Workbench on {pairs}."
    return (
        f"A blend, made with Embedding Workbench: {blend['share']:.0%} of the weights of the model of the run {blend['run']},"
        f" which is {base} fine-tuned on {pairs}, the rest those of {base} itself ({blend['way']} mix)."
    )


def _general(report: dict[str, Any]) -> str:
    return f"\n{report['general']['sentence']}\n" if report.get("general") else ""


def _change(changes: dict[str, Any], name: str) -> str:
    if changes.get(name) is None:
        return "–"
    ends = changes.get(f"{name} interval")
    return f"{changes[name]:+.3f}" + (f", {ends[0]:+.3f} to {ends[1]:+.3f}" if ends else "")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _plain(text: Any) -> str:
    """Names come from files: on one line, and nothing in them is read as Markdown or HTML."""
    line = " ".join(str(text).split())
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>#|&" else sign for sign in line)
