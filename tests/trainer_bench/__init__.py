"""`make bench-trainer`: our trainers beside the programs that they drive, with the same model, data and arguments."""
