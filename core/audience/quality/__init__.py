"""How good the data is: findings, duplicates and merging, dead and recycled numbers, a score a source."""
