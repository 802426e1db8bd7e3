"""What it costs to evaluate well: own overheads, and the journal's figures."""
