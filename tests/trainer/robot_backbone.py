"""Fetches a file of weights and lets torch load it by its name, as torchvision does. Run by a Python that has LeRobot.

Arguments: the file's URL. Prints as JSON what torch read, and the files that torchvision would ask for by their names.
"""

from __future__ import annotations

import json
import sys

import torch
from torchvision.models import get_weight

from trainer.backends.lerobot.backbone import FILES, PARAM, backbone_in_place
from trainer.transfer.hub_models import fetch_file


def loaded(url: str) -> list[float]:
    """The numbers in the file, read where only its name is known."""
    name = url.rpartition("/")[2]
    file = fetch_file(url, PARAM, "BACKBONE", sha256=name.partition("-")[2].partition(".")[0])
    with backbone_in_place(file):
        found = torch.hub.load_state_dict_from_url(f"https://127.0.0.1:1/{name}", check_hash=True)
    return [float(each) for each in found["weight"]]


if __name__ == "__main__":
    asked = {name: get_weight(name).url.rpartition("/")[2] for name in FILES}
    print("FACTS " + json.dumps({"loaded": loaded(sys.argv[1]), "asked": asked}))
