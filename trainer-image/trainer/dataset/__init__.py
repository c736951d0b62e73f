"""Chat datasets in JSON Lines: found, read line by line, and refused with the line and the reason."""
