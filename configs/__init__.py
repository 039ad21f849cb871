"""One file per network of the paper: pure data, read by `--config`."""
