"""A training as others write it: Hugging Face's Trainer and not a word about us. Prints each POST that it made, as JSON.

Run by a Python that has torch and transformers; ``argv[1]`` is a folder of its own. The receiver is in the same process,
so that it can be reached wherever this runs.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import torch
from transformers import Trainer, TrainingArguments

STEPS: Final = 12
SECONDS_PER_STEP: Final = 0.6
"""The callback posts every five seconds; the training is longer than that."""


class Line(torch.nn.Module):  # type: ignore[misc]  # torch is not installed where types are checked
    """One weight, trained slowly."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """The loss of a batch."""
        time.sleep(SECONDS_PER_STEP)
        return {"loss": torch.nn.functional.mse_loss(self.weight * x, labels), "logits": self.weight * x}


class Receiver(BaseHTTPRequestHandler):
    """Prints what it gets and is content."""

    def do_POST(self) -> None:
        """One report."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        print(json.dumps({"authorization": self.headers.get("Authorization"), "body": body}), flush=True)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:  # type: ignore[explicit-override]  # Python 3.11 has no override
        """Say nothing else."""


def main(folder: Path) -> None:
    """Train."""
    (folder / "token").write_text("the-token")
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        os.environ["KUBEFLOW_TRAINER_SERVER_URL"] = f"http://127.0.0.1:{server.server_address[1]}/status"
        os.environ["KUBEFLOW_TRAINER_SERVER_TOKEN"] = str(folder / "token")
        arguments = TrainingArguments(
            output_dir=str(folder / "out"),
            max_steps=STEPS,
            per_device_train_batch_size=1,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
        )
        rows = [{"x": torch.tensor([1.0]), "labels": torch.tensor([2.0])} for _ in range(STEPS)]
        Trainer(model=Line(), args=arguments, train_dataset=rows).train()
        server.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
