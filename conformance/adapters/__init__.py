"""One implementation a file, each a `Layer` that takes and gives NumPy arrays."""
