"""The image's entrypoint: `python -m trainer`, PID 1 of every pod. Reads run.json, exits with the verdict's code."""

import os
import sys

from trainer.supervisor import supervise

if __name__ == "__main__":
    sys.exit(supervise(os.environ))
