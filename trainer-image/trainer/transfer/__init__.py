"""The one place through which models and data come in and results go out: hf, s3, gs and https.

`localised` gives everything that a run names by a URI a path; `published` brings the finished model to where the job
wants it. The stores themselves are spoken to by fsspec's implementations and by the Hub's own client.
"""

from trainer.transfer.hub_models import fetch_hub_model
from trainer.transfer.localising import localised
from trainer.transfer.publishing import check_destination, published

__all__ = ["check_destination", "fetch_hub_model", "localised", "published"]
