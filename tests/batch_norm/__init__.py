"""A package, or Python would find the script of this name first."""
