"""The paper, section by section: runs, tables, figures, claims. Imports no JAX."""
