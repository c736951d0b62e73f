"""Run documents and small files for the trainer's tests."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).parents[2]
CONTRACT: Final = CHECKOUT / "trainer-image" / "contract"
SAMPLE: Final = CHECKOUT / "crds" / "samples" / "data" / "support-questions" / "train.jsonl"

Json = dict[str, object]


def example(name: str) -> Json:
    """A golden example of the contract."""
    document: Json = json.loads((CONTRACT / "examples" / name).read_text(encoding="utf-8"))
    return document


def run_document(of_stage: str = "train", /, **changes: object) -> Json:
    """The golden run document of a stage, with some places changed: ``hyperparameters__batchSize=4``."""
    document = example(f"run.{of_stage}.json")
    for place, value in changes.items():
        put(document, place.split("__"), value)
    return document


def put(document: object, place: Sequence[str], value: object) -> None:
    """Set one value deep in a document; a number in ``place`` is an index."""
    *way, last = place
    for key in way:
        document = document[int(key)] if isinstance(document, list) else document[key]  # type: ignore[index]
    document[last] = value  # type: ignore[index]


def chat(question: str, answer: str) -> Json:
    """A row of a chat dataset."""
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def write_lines(path: Path, rows: Sequence[object]) -> Path:
    """A JSON Lines file; a string stands as it is."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_safetensors(path: Path, shapes: Mapping[str, Sequence[int]]) -> Path:
    """A valid safetensors file of float32 zeros."""
    header: Json = {}
    end = 0
    for name, shape in shapes.items():
        size = 4
        for length in shape:
            size *= length
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    encoded = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + bytes(end))
    return path


def write_model(folder: Path) -> Path:
    """A folder that looks like a model to everything that does not load it."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "max_position_embeddings": 512}))
    (folder / "tokenizer.json").write_text("{}")
    write_safetensors(folder / "model.safetensors", {"embedding": (4, 3), "head": (2,)})
    return folder
