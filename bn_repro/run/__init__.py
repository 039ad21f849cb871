"""What surrounds a run: config, files, signals, processes. Knows no network."""
