"""The networks of the paper (section 4.1 and figure 5)."""
