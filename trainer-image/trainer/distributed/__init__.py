"""Several processes that train one model: how they meet, and how they agree on what all of them do."""
